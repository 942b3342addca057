import { sql } from 'kysely';
import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';
import { breakOffChecks } from './checks.ts';
import { stateCodes } from './state.ts';

/**
 * Follows a change of the plan (spec P1): without Email Sync what syncs is paused and nothing is deleted; with it again what the plan
 * had paused goes on and catches up.
 */
export async function followPlan(trx: Trx, accountId: string, emailSync: boolean): Promise<void> {
  const rows = emailSync
    ? await trx
        .updateTable('connection')
        .set({
          state: 'active',
          state_code: null,
          state_message: null,
          state_since: sql<Date>`now()`,
          next_try_at: null,
        })
        .where('account_id', '=', accountId)
        .where('state', '=', 'paused')
        .where('state_code', '=', 'paused_by_plan')
        .returning('id')
        .execute()
    : await trx
        .updateTable('connection')
        .set({ ...paused('paused_by_plan') })
        .where('account_id', '=', accountId)
        .where('state', 'in', ['active', 'failing'])
        .returning('id')
        .execute();
  if (!emailSync) await breakOff(trx, accountId, rows, 'paused_by_plan');
  await tell(trx, accountId, rows);
}

/**
 * Pauses the connections of a user who leaves the account: nobody may read on in a mailbox whose owner is gone. Those that were paused already
 * change their reason, else a change of the plan would let them go on.
 */
export async function pauseOfLeaver(trx: Trx, accountId: string, userId: string): Promise<void> {
  const rows = await trx
    .updateTable('connection')
    .set({ ...paused('owner_left') })
    .where('account_id', '=', accountId)
    .where('user_id', '=', userId)
    .where('state', 'in', ['active', 'failing', 'needs_sign_in', 'paused'])
    .returning('id')
    .execute();
  await breakOff(trx, accountId, rows, 'owner_left');
  await tell(trx, accountId, rows);
}

async function breakOff(trx: Trx, accountId: string, rows: { id: string }[], code: PauseCode): Promise<void> {
  await breakOffChecks(
    trx,
    accountId,
    rows.map(({ id }) => id),
    stateCodes[code],
  );
}

type PauseCode = 'paused_by_plan' | 'owner_left';

function paused(code: PauseCode) {
  return {
    state: 'paused' as const,
    state_code: code,
    state_message: stateCodes[code],
    state_since: new Date(),
    next_try_at: null,
  };
}

async function tell(trx: Trx, accountId: string, rows: { id: string }[]): Promise<void> {
  for (const { id: connectionId } of rows) {
    await notify(trx, 'letterlog_connection', { accountId, connectionId });
    await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
  }
}

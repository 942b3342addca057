import { sql } from 'kysely';
import { requireEmailSync } from '../accounts/plan.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';
import { breakOffChecks } from './checks.ts';
import { refusedSignIn } from './outages.ts';
import { stateCodes } from './state.ts';
import { viewConnection } from './view.ts';
import type { Connection } from './view.ts';

/**
 * Pauses a connection or lets it go on (its owner and admins; what its owner paused, only the owner), and changes its sharing (its owner only). What was
 * missed in a pause is caught up; a password that had been refused isn't tried again. Throws AppError: not_found, forbidden, conflict (no folders chosen yet, or the owner has left the account), plan_required (going on).
 */
export async function updateConnection(
  db: Db,
  viewer: Viewer,
  connectionId: string,
  change: { paused?: boolean; sharing?: 'everything' | 'private' },
): Promise<Connection> {
  return await db.transaction().execute(async (trx) => {
    const as = change.sharing === undefined ? 'manager' : 'owner';
    const connection = await requireConnection(trx, viewer, connectionId, { as, lock: true });
    if (change.sharing !== undefined) {
      await trx
        .updateTable('connection')
        .set({ sharing: change.sharing })
        .where('account_id', '=', viewer.accountId)
        .where('id', '=', connectionId)
        .execute();
    }
    const paused = connection.state === 'paused';
    if (change.paused === true && !paused) {
      if (connection.state === 'connecting') {
        throw new AppError('conflict', "This connection doesn't sync yet. Choose its folders, or delete it.");
      }
      const code = connection.user_id === viewer.userId ? 'paused_by_owner' : 'paused_by_admin';
      await setState(trx, viewer.accountId, connectionId, 'paused', { code, message: stateCodes[code] });
      await breakOffChecks(trx, viewer.accountId, [connectionId], stateCodes[code]);
    }
    if (change.paused === false && paused) {
      if (connection.state_code === 'paused_by_owner' && connection.user_id !== viewer.userId) {
        throw new AppError('forbidden', 'Its owner paused it, so only its owner can let it go on.');
      }
      requireEmailSync(viewer);
      await requireOwnerHere(trx, viewer.accountId, connection.user_id);
      const refused = await refusedSignIn(trx, viewer.accountId, connectionId);
      await setState(trx, viewer.accountId, connectionId, refused ? 'needs_sign_in' : 'active', refused);
    }
    await notify(trx, 'letterlog_connection', { accountId: viewer.accountId, connectionId });
    await notify(trx, 'letterlog_change', { accountId: viewer.accountId, kind: 'connection', connectionId });
    return await viewConnection(trx, viewer.accountId, connectionId);
  });
}

/** Nobody's mailbox is read on for an account that its owner has left. */
async function requireOwnerHere(trx: Trx, accountId: string, userId: string | null): Promise<void> {
  const member = await trx
    .selectFrom('member')
    .select('user_id')
    .where('account_id', '=', accountId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  if (member) return;
  throw new AppError(
    'conflict',
    "The mailbox's owner is no longer a member of this account, so it isn't read any more.",
    {
      hint: 'Delete the connection; what it logged can be kept.',
    },
  );
}

async function setState(
  trx: Trx,
  accountId: string,
  connectionId: string,
  state: 'active' | 'needs_sign_in' | 'paused',
  why: { code: string; message: string } | null,
): Promise<void> {
  await trx
    .updateTable('connection')
    .set({
      state,
      state_code: why?.code ?? null,
      state_message: why?.message ?? null,
      state_since: sql<Date>`now()`,
      next_try_at: null,
    })
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .execute();
}

import { sql } from 'kysely';
import type { StageChange } from '../contacts/deps.ts';
import type { Trx } from '../db/open.ts';
import { notifyLogs } from './notify-logs.ts';

/** Appends moves between stages to the Contact Log, set-wise, with the stages' names as they are now. `actorId` null: an automation did it. */
export async function appendStageChanges(
  trx: Trx,
  accountId: string,
  changes: readonly StageChange[],
  actorId: string | null,
): Promise<void> {
  await sql`
    insert into log_item (account_id, contact_id, kind, at, detail, actor_id)
    select ${accountId}, moved.contact_id, 'stage_change', now(), jsonb_build_object('from', moved.old, 'to', moved.new), ${actorId}::uuid
    from unnest(${changes.map((change) => change.contactId)}::uuid[], ${changes.map((change) => change.from?.name ?? null)}::text[],
      ${changes.map((change) => change.to?.name ?? null)}::text[]) as moved (contact_id, old, new)`.execute(trx);
  await notifyLogs(
    trx,
    accountId,
    changes.map((change) => change.contactId),
  );
}

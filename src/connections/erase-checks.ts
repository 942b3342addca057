import type { Db } from '../db/open.ts';
import { repeating } from '../db/repeat.ts';

/** Named differences that one transaction deletes: a check has up to a thousand for each folder. */
const rowsOfStep = 5_000;

/**
 * Deletes the checks of a connection that is marked as erasing, and what they found, which is too much for the statement that deletes the connection. Its outages, which may name a check,
 * go with the connection. `stop` throws its reason before the next step.
 */
export async function eraseChecks(db: Db, accountId: string, connectionId: string, stop?: AbortSignal): Promise<void> {
  const checks = await db
    .selectFrom('mailbox_check')
    .select('id')
    .where('account_id', '=', accountId)
    .where('connection_id', '=', connectionId)
    .execute();
  for (const { id } of checks) {
    for (let deleted = rowsOfStep; deleted === rowsOfStep;) {
      stop?.throwIfAborted();
      deleted = await repeating(() => deleteDifferences(db, accountId, id));
    }
    const remove = db.deleteFrom('mailbox_check').where('account_id', '=', accountId).where('id', '=', id);
    await repeating(() => remove.execute());
  }
}

async function deleteDifferences(db: Db, accountId: string, checkId: string): Promise<number> {
  const some = db
    .selectFrom('mailbox_check_difference')
    .select('id')
    .where('account_id', '=', accountId)
    .where('check_id', '=', checkId)
    .limit(rowsOfStep);
  const { numDeletedRows } = await db
    .deleteFrom('mailbox_check_difference')
    .where('account_id', '=', accountId)
    .where('id', 'in', some)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

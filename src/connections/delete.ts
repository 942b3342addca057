import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { lockContactAddresses } from '../contacts/match.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { renewing } from '../db/renewing.ts';
import { repeating } from '../db/repeat.ts';
import { requireConnection } from './access.ts';
import { breakOffChecks } from './checks.ts';
import type { DeleteDeps } from './deps.ts';
import { eraseChecks } from './erase-checks.ts';

/**
 * Deletes a connection (its owner and admins): syncing stops and the credentials go. 'keep' leaves the log and a tombstone, whose sharing still rules what it logged;
 * 'erase' removes its sightings and the messages that no other connection holds (spec C5; section 5, Lives and deaths): done when this returns, and what breaks off in between is
 * finished later (sync/finish-erasures.ts, docs/decisions/0027). Throws AppError 'not_found'.
 */
export async function deleteConnection(
  db: Db,
  deps: DeleteDeps,
  viewer: Viewer,
  connectionId: string,
  log: 'keep' | 'erase',
): Promise<void> {
  const { accountId } = viewer;
  const mark = async (trx: Trx): Promise<void> => {
    // The row before the address lock, in the order of the page transactions. The fence shuts out a page that is under way.
    await requireConnection(trx, viewer, connectionId, { as: 'manager', lock: true });
    await trx
      .updateTable('connection')
      .set({
        state: 'deleted',
        deleted_at: sql<Date>`now()`,
        erasing: log === 'erase',
        credentials: null,
        state_code: null,
        state_message: null,
        state_since: new Date(),
        next_try_at: null,
        fence: sql<string>`fence + 1`,
      })
      .where('account_id', '=', accountId)
      .where('id', '=', connectionId)
      .execute();
    await breakOffChecks(trx, accountId, [connectionId], 'The connection was deleted.');
    await notify(trx, 'letterlog_connection', { accountId, connectionId });
    await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
    // Who looks for late mail may have found some of its rows: it ends first, and nobody finds any from here on.
    if (log === 'erase') await lockContactAddresses(trx, accountId, 'exclusive');
  };
  await repeating(() => db.transaction().execute(mark));
  if (log === 'erase') await finishErasure(db, deps, accountId, connectionId);
}

/** What is left to do about a connection that is marked as erasing, for whoever marked or claimed it; anybody may do it again. `stop` throws its reason before the next step. */
export async function finishErasure(
  db: Db,
  deps: DeleteDeps,
  accountId: string,
  connectionId: string,
  stop?: AbortSignal,
): Promise<void> {
  const remove = db
    .deleteFrom('connection')
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .where('erasing', '=', true);
  await renewing(db, { table: 'connection', accountId, id: connectionId }, async () => {
    await deps.eraseLogOf(db, accountId, connectionId, stop);
    await eraseChecks(db, accountId, connectionId, stop);
    stop?.throwIfAborted();
    await repeating(() => remove.execute());
  });
}

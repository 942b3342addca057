import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { lockContactAddresses } from '../contacts/match.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { repeating } from '../db/repeat.ts';
import { requireConnection } from './access.ts';
import { breakOffChecks } from './checks.ts';
import type { DeleteDeps } from './deps.ts';

/**
 * Deletes a connection (its owner and admins): syncing stops and the credentials go. 'keep' leaves the log and a tombstone, whose sharing still rules what it logged;
 * 'erase' removes its sightings and the messages that no other connection holds (spec C5; section 5, Lives and deaths). Throws AppError 'not_found'.
 */
export async function deleteConnection(
  db: Db,
  deps: DeleteDeps,
  viewer: Viewer,
  connectionId: string,
  log: 'keep' | 'erase',
): Promise<void> {
  const { accountId } = viewer;
  const remove = async (trx: Trx): Promise<string[]> => {
    // The row before the address lock, in the order of the page transactions. The fence shuts out a page that is under way.
    await requireConnection(trx, viewer, connectionId, { as: 'manager', lock: true });
    await trx
      .updateTable('connection')
      .set({
        state: 'deleted',
        deleted_at: new Date(),
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
    if (log === 'keep') return [];
    // Another mailbox's page may be about to share one of these messages.
    await lockContactAddresses(trx, accountId, 'exclusive');
    const unnamed = await deps.eraseMailOf(trx, accountId, connectionId);
    await trx.deleteFrom('connection').where('account_id', '=', accountId).where('id', '=', connectionId).execute();
    return unnamed;
  };
  const blobs = await repeating(() => db.transaction().execute(remove));
  await deps.removeBlobs(db, accountId, blobs);
}

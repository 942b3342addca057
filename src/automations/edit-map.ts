import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { loadMap, noSuchMap } from './load-map.ts';
import type { AutomationMap } from './load-map.ts';
import { newGraph } from './map.ts';
import type { Graph } from './map.ts';
import { notifyMap } from './notify-runs.ts';

/** A new draft: a trigger, a task for the contact's owner, an end. Nothing runs before it is published. */
export async function createMap(db: Db, viewer: Viewer, input: { name: string }): Promise<AutomationMap> {
  const { accountId } = viewer;
  return await db.transaction().execute(async (trx) => {
    const { id } = await trx
      .insertInto('map')
      .values({ account_id: accountId, name: input.name, draft: JSON.stringify(newGraph()) })
      .returning('id')
      .executeTakeFirstOrThrow();
    await notifyMap(trx, accountId, id);
    return await loadMap(trx, accountId, id);
  });
}

/** Changes the name, at once, and the draft, which is used from the next publishing on. */
export async function editMap(
  db: Db,
  viewer: Viewer,
  mapId: string,
  change: { name?: string | undefined; graph?: Graph | undefined },
): Promise<AutomationMap> {
  const { accountId } = viewer;
  return await db.transaction().execute(async (trx) => {
    const changed = await trx
      .updateTable('map')
      .set({
        updated_at: sql<Date>`now()`,
        ...(change.name !== undefined && { name: change.name }),
        ...(change.graph && { draft: JSON.stringify(change.graph) }),
      })
      .where('account_id', '=', accountId)
      .where('id', '=', mapId)
      .returning('id')
      .executeTakeFirst();
    if (!changed) throw noSuchMap();
    await notifyMap(trx, accountId, mapId);
    return await loadMap(trx, accountId, mapId);
  });
}

/** Deletes a map with its runs; what they did stays, and so do the firing keys. */
export async function deleteMap(db: Db, viewer: Viewer, mapId: string): Promise<void> {
  const { accountId } = viewer;
  await db.transaction().execute(async (trx) => {
    await lockRunsOf(trx, accountId, mapId);
    const deleted = await trx
      .deleteFrom('map')
      .where('account_id', '=', accountId)
      .where('id', '=', mapId)
      .returning('id')
      .executeTakeFirst();
    if (!deleted) throw noSuchMap();
    await notifyMap(trx, accountId, mapId);
  });
}

/**
 * Two deletions that share runs would take them in different orders. A contact's deletion locks the contact first, so this one does too, after it has
 * locked out new runs (published.ts).
 */
async function lockRunsOf(trx: Trx, accountId: string, mapId: string): Promise<void> {
  await sql`select from map where account_id = ${accountId} and id = ${mapId} for update`.execute(trx);
  await sql`
    select from contact where account_id = ${accountId}
      and id in (select contact_id from run where account_id = ${accountId} and map_id = ${mapId})
    order by id for key share`.execute(trx);
}

import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import type { Graph } from './map.ts';
import { isTrigger } from './map.ts';

/** When a trigger listened; `until` null: it still does. */
export interface ListeningSpan {
  since: Date;
  until: Date | null;
}

/**
 * From now on these triggers of the map listen; those that do so already go on. One that the map no longer has is forgotten: should it come back, it
 * is new.
 */
export async function startListening(trx: Trx, accountId: string, mapId: string, graph: Graph): Promise<void> {
  const triggerIds = graph.elements.filter(isTrigger).map(({ id }) => id);
  await sql`delete from listening_span
    where account_id = ${accountId} and map_id = ${mapId} and trigger_id <> all(${triggerIds}::text[])`.execute(trx);
  await sql`insert into listening_span (account_id, map_id, trigger_id, since)
    select ${accountId}, ${mapId}, trigger_id, now() from unnest(${triggerIds}::text[]) trigger_id
    on conflict do nothing`.execute(trx);
}

/** From now on none of the map's triggers listens. */
export async function stopListening(trx: Trx, accountId: string, mapId: string): Promise<void> {
  await trx
    .updateTable('listening_span')
    .set({ until: sql<Date>`now()` })
    .where('account_id', '=', accountId)
    .where('map_id', '=', mapId)
    .where('until', 'is', null)
    .execute();
}

/** When the triggers of these maps listened, the earliest first. */
export async function loadListeningSpans(
  db: Db | Trx,
  accountId: string,
  mapIds: readonly string[],
): Promise<(mapId: string, triggerId: string) => ListeningSpan[]> {
  const spans = await db
    .selectFrom('listening_span')
    .select(['map_id', 'trigger_id', 'since', 'until'])
    .where('account_id', '=', accountId)
    .where('map_id', 'in', mapIds)
    .orderBy('since')
    .execute();
  return (mapId, triggerId) => spans.filter((span) => span.map_id === mapId && span.trigger_id === triggerId);
}

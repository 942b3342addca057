import { sql } from 'kysely';
import { AppError } from '../errors.ts';
import type { Db, Trx } from '../db/open.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { Graph } from './map.ts';

export interface AutomationMap {
  id: string;
  name: string;
  state: 'draft' | 'published' | 'paused';
  /** The version that contacts begin on; null before the first publishing. */
  version: number | null;
  /** The draft. */
  graph: Graph;
  publishedGraph: Graph | null;
  /** Contacts that stand at each element now, by element id, whichever version they are on. */
  counts: Record<string, number>;
  createdAt: Date;
  updatedAt: Date;
}

function mapsOf(db: Db | Trx, accountId: string) {
  return db
    .selectFrom('map as m')
    .leftJoin('map_version as v', (join) =>
      join
        .onRef('v.account_id', '=', 'm.account_id')
        .onRef('v.map_id', '=', 'm.id')
        .onRef('v.version', '=', 'm.version'),
    )
    .select([
      'm.id',
      'm.name',
      'm.state',
      'm.version',
      'm.draft as graph',
      'v.graph as publishedGraph',
      'm.created_at as createdAt',
      'm.updated_at as updatedAt',
      sql<Record<string, number>>`coalesce((
        select jsonb_object_agg(element_id, standing) from (
          select r.element_id, count(*) as standing from run r
          where r.account_id = m.account_id and r.map_id = m.id and r.state in ('running', 'waiting')
          group by r.element_id) at), '{}')`.as('counts'),
    ])
    .where('m.account_id', '=', accountId)
    .$castTo<AutomationMap>();
}

/** Throws AppError 'not_found' for a map that the account doesn't have. */
export async function loadMap(db: Db | Trx, accountId: string, mapId: string): Promise<AutomationMap> {
  const map = await mapsOf(db, accountId).where('m.id', '=', mapId).executeTakeFirst();
  if (!map) throw noSuchMap();
  return map;
}

/** The account's maps by name, a page at a time. */
export async function listMaps(
  db: Db | Trx,
  accountId: string,
  page: { cursor?: string | undefined; limit: number },
): Promise<{ items: AutomationMap[]; nextCursor: string | null }> {
  let query = mapsOf(db, accountId)
    .orderBy('m.name')
    .orderBy('m.id')
    .limit(page.limit + 1);
  if (page.cursor !== undefined) {
    const [name, id] = decodeCursor('maps', ['text', 'id'], page.cursor);
    query = query.where(sql<boolean>`(m.name, m.id) > (${name}, ${id}::uuid)`);
  }
  const found = await query.execute();
  const items = found.slice(0, page.limit);
  const last = items.at(-1);
  return { items, nextCursor: found.length > page.limit && last ? encodeCursor('maps', [last.name, last.id]) : null };
}

export function noSuchMap(): AppError {
  return new AppError('not_found', 'There is no such map; it may have been deleted.');
}

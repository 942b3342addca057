import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { displayName } from '../contacts/name.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { Db } from '../db/open.ts';
import { visibleTo } from '../log/visibility-sql.ts';
import type { MailKind } from '../mail/kinds.ts';
import { noSuchMap } from './load-map.ts';

export interface Firing {
  at: Date;
  /** Null when the contact has been deleted. */
  contact: { id: string; name: string } | null;
  triggerId: string;
  /** The email's line in the Contact Log; null when it is gone or not for the viewer to see. */
  logItemId: string | null;
  /** What the copy was that started it; null as logItemId. */
  kind: MailKind | null;
  runId: string;
}

/** When the map fired and for whom, newest first. Throws AppError 'not_found'. */
export async function listFirings(
  db: Db,
  viewer: Viewer,
  mapId: string,
  page: { cursor?: string | undefined; limit: number },
): Promise<{ items: Firing[]; nextCursor: string | null }> {
  const { accountId } = viewer;
  const map = await db
    .selectFrom('map')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', '=', mapId)
    .executeTakeFirst();
  if (!map) throw noSuchMap();

  let query = db
    .selectFrom('firing as f')
    .leftJoin('contact as c', (join) =>
      join.onRef('c.account_id', '=', 'f.account_id').onRef('c.id', '=', 'f.contact_id').on('c.deleted_at', 'is', null),
    )
    .leftJoin('log_item as i', (join) =>
      join
        .onRef('i.account_id', '=', 'f.account_id')
        .onRef('i.contact_id', '=', 'c.id')
        .onRef('i.message_id', '=', 'f.message_id')
        .on(visibleTo(viewer, 'i')),
    )
    .leftJoin('message as m', (join) =>
      join.onRef('m.account_id', '=', 'i.account_id').onRef('m.id', '=', 'i.message_id'),
    )
    .leftJoin('sighting as s', (join) =>
      join
        .onRef('s.account_id', '=', 'f.account_id')
        .onRef('s.id', '=', 'f.sighting_id')
        .onRef('s.message_id', '=', 'f.message_id'),
    )
    .select((eb) => eb.case().when('m.id', 'is not', null).then(eb.fn.coalesce('s.kind', 'm.kind')).end().as('kind'))
    .select(['f.at', 'f.trigger_id', 'f.run_id', 'f.contact_id', 'c.id as known_id', 'i.id as item_id'])
    .select([displayName('c').as('name'), sql<string>`f.at::text`.as('place')])
    .where('f.account_id', '=', accountId)
    .where('f.map_id', '=', mapId)
    .orderBy('f.at', 'desc')
    .orderBy('f.run_id', 'desc')
    .limit(page.limit + 1);
  if (page.cursor !== undefined) {
    const [at, runId] = decodeCursor('firings', ['time', 'id'], page.cursor);
    query = query.where(sql<boolean>`(f.at, f.run_id) < (${at}::timestamptz, ${runId}::uuid)`);
  }
  const found = await query.execute();
  const rows = found.slice(0, page.limit);
  const last = rows.at(-1);
  return {
    items: rows.map((row) => ({
      at: row.at,
      contact: row.known_id ? { id: row.contact_id, name: row.name } : null,
      triggerId: row.trigger_id,
      logItemId: row.item_id,
      kind: row.kind,
      runId: row.run_id,
    })),
    nextCursor: found.length > page.limit && last ? encodeCursor('firings', [last.place, last.run_id]) : null,
  };
}

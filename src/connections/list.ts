import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { requireRole } from '../accounts/require-role.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { KeyKind } from '../db/keyset.ts';
import type { Db, Trx } from '../db/open.ts';
import { shownState } from './state.ts';
import { viewConnections } from './view.ts';
import type { Connection } from './view.ts';

export const connectionSorts = [
  'address',
  'owner',
  'provider',
  'state',
  'startedAt',
  'lastSyncedAt',
  'lastAuthenticatedAt',
] as const;
export type ConnectionSort = (typeof connectionSorts)[number];

export interface ConnectionFilter {
  /** 'mine': the viewer's own; 'account': everybody's, for admins. */
  scope: 'mine' | 'account';
  /** Part of the address, the owner's name or the provider. */
  q?: string;
  sort?: ConnectionSort | `-${ConnectionSort}`;
  state?: Connection['state'];
  provider?: string;
  cursor?: string;
  limit: number;
}

const keys: Record<ConnectionSort, { kind: KeyKind; key: RawBuilder<unknown> }> = {
  address: { kind: 'text', key: sql`lower(c.address)` },
  owner: { kind: 'text', key: sql`lower(coalesce(u.name, ''))` },
  provider: { kind: 'text', key: sql`c.provider` },
  state: { kind: 'text', key: shownState },
  startedAt: { kind: 'time', key: sql`c.started_at` },
  lastSyncedAt: { kind: 'time', key: sql`coalesce(c.last_synced_at, '-infinity'::timestamptz)` },
  lastAuthenticatedAt: { kind: 'time', key: sql`coalesce(c.last_authenticated_at, '-infinity'::timestamptz)` },
};

/** A page of connections, by keyset (spec C1, C4). Throws AppError 'forbidden' for a member who asks for everybody's, 'invalid' for a strange cursor. */
export async function listConnections(
  db: Db | Trx,
  viewer: Viewer,
  filter: ConnectionFilter,
): Promise<{ items: Connection[]; nextCursor: string | null }> {
  if (filter.scope === 'account') requireRole(viewer, 'admin');
  const order = filter.sort ?? 'address';
  const falling = order.startsWith('-');
  const { kind, key } = keys[(falling ? order.slice(1) : order) as ConnectionSort];
  const direction = falling ? 'desc' : 'asc';
  let query = db
    .selectFrom('connection as c')
    .leftJoin('user as u', 'u.id', 'c.user_id')
    .where('c.account_id', '=', viewer.accountId)
    .where('c.deleted_at', 'is', null)
    .select(['c.id', sql<string>`(${key})::text`.as('key')])
    .orderBy(key, direction)
    .orderBy('c.id', direction)
    .limit(filter.limit + 1);
  if (filter.scope === 'mine') query = query.where('c.user_id', '=', viewer.userId);
  if (filter.state) query = query.where(sql<boolean>`${shownState} = ${filter.state}`);
  if (filter.provider) query = query.where('c.provider', '=', filter.provider);
  if (filter.q?.trim()) {
    const pattern = `%${filter.q.trim().replace(/[\\%_]/g, '\\$&')}%`;
    query = query.where(
      sql<boolean>`(c.address ilike ${pattern} or u.name ilike ${pattern} or c.provider ilike ${pattern})`,
    );
  }
  if (filter.cursor) {
    const [value, id] = decodeCursor(order, [kind, 'id'], filter.cursor);
    query = query.where(
      sql<boolean>`(${key}, c.id) ${sql.raw(falling ? '<' : '>')} (${value}::${sql.raw(kind === 'time' ? 'timestamptz' : 'text')}, ${id}::uuid)`,
    );
  }
  const rows = await query.execute();
  const page = rows.slice(0, filter.limit);
  const last = rows.length > page.length ? page.at(-1) : undefined;
  return {
    items: await viewConnections(
      db,
      viewer.accountId,
      page.map((row) => row.id),
    ),
    nextCursor: last ? encodeCursor(order, [last.key, last.id]) : null,
  };
}

import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { KeyKind } from '../db/keyset.ts';
import type { Db, Trx } from '../db/open.ts';
import type { ContactDeps, Who } from './deps.ts';
import { loadContacts } from './load.ts';
import type { Contact } from './load.ts';
import { sortName } from './name.ts';

export const contactSorts = ['name', 'leadScore', 'createdAt', 'lastEmailAt'] as const;
export type ContactSort = (typeof contactSorts)[number];

export interface ContactFilter {
  /** Each word must be part of the names, the company or an address; case and accents don't count. */
  q?: string;
  sort?: ContactSort | `-${ContactSort}`;
  ownerId?: string;
  stageId?: string;
  tagId?: string;
  segmentId?: string;
  cursor?: string;
  limit: number;
}

const kinds: Record<ContactSort, KeyKind> = {
  name: 'text',
  leadScore: 'number',
  createdAt: 'time',
  lastEmailAt: 'time',
};
const casts: Record<KeyKind, string> = { text: 'text', number: 'bigint', time: 'timestamptz', id: 'uuid' };

/**
 * A page of the account's contacts, by keyset: rows that come or go meanwhile neither repeat nor hide others. Contacts without mail count
 * as the longest silent. Owner, stage, tag and segment of another account are of no contact. Throws AppError 'invalid' for a strange cursor.
 */
export async function listContacts(
  db: Db | Trx,
  deps: Pick<ContactDeps, 'lastEmailAt'>,
  who: Who,
  filter: ContactFilter,
): Promise<{ items: Contact[]; nextCursor: string | null }> {
  const order = filter.sort ?? 'name';
  const falling = order.startsWith('-');
  const sort = (falling ? order.slice(1) : order) as ContactSort;
  const key = sortKey(sort, deps, who);
  const after = filter.cursor ? decodeCursor(order, [kinds[sort], 'id'], filter.cursor) : null;
  const direction = falling ? 'desc' : 'asc';
  let query = db
    .selectFrom('contact')
    .where('contact.account_id', '=', who.accountId)
    .where('contact.merged_into', 'is', null)
    .where('contact.deleted_at', 'is', null)
    .where(sql<boolean>`${words(who.accountId, filter.q)}`)
    .select(['contact.id', key.as('key')])
    .orderBy('key', direction)
    .orderBy('contact.id', direction)
    .limit(filter.limit + 1);
  if (after) {
    const [value, id] = after;
    query = query.where(
      sql<boolean>`(${key}, contact.id) ${sql.raw(falling ? '<' : '>')} (${value}::${sql.raw(casts[kinds[sort]])}, ${id}::uuid)`,
    );
  }
  if (filter.ownerId === 'none') query = query.where('contact.owner_id', 'is', null);
  else if (filter.ownerId) query = query.where('contact.owner_id', '=', filter.ownerId);
  if (filter.stageId) query = query.where('contact.stage_id', '=', filter.stageId);
  if (filter.tagId) query = query.where(carries('contact_tag', 'tag_id', filter.tagId));
  if (filter.segmentId) query = query.where(carries('contact_segment', 'segment_id', filter.segmentId));
  // The key becomes text for the rows of the page only.
  const rows = await db
    .selectFrom(query.as('page'))
    .select(['page.id', sql<string>`page.key::text`.as('key')])
    .orderBy('page.key', direction)
    .orderBy('page.id', direction)
    .execute();
  const page = rows.slice(0, filter.limit);
  const last = rows.length > page.length ? page.at(-1) : undefined;
  return {
    items: await loadContacts(
      db,
      deps,
      who,
      page.map((row) => row.id),
    ),
    nextCursor: last ? encodeCursor(order, [last.key, last.id]) : null,
  };
}

function sortKey(sort: ContactSort, deps: Pick<ContactDeps, 'lastEmailAt'>, who: Who): RawBuilder<unknown> {
  if (sort === 'name') return sortName();
  if (sort === 'leadScore') return sql`contact.lead_score`;
  if (sort === 'createdAt') return sql`contact.created_at`;
  return sql`coalesce(${deps.lastEmailAt(who)}, '-infinity'::timestamptz)`;
}

function carries(table: string, column: string, id: string): RawBuilder<boolean> {
  return sql<boolean>`exists (select from ${sql.table(table)} carried where carried.account_id = contact.account_id
    and carried.contact_id = contact.id and ${sql.ref(`carried.${column}`)} = ${id}::uuid)`;
}

function words(accountId: string, q: string | undefined): RawBuilder<unknown> {
  const patterns = (q ?? '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 10)
    .map((word) => `%${word.replace(/[\\%_]/g, '\\$&')}%`);
  const conditions = patterns.map(
    (pattern) => sql`(
      contact.words like folded(${pattern})
      or contact.id in (select a.contact_id from contact_address a where a.account_id = ${accountId} and a.words like folded(${pattern})))`,
  );
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}

import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { loadLogItems } from './items.ts';
import type { LogItem } from './items.ts';
import { visibleTo } from './visibility-sql.ts';

/**
 * A page of a contact's log as the viewer may see it, by keyset: all of it, the newest first, or one conversation, the oldest first; the id of one that has become
 * part of another stands for that. Throws AppError 'not_found' for a contact that isn't there, 'invalid' for a strange cursor.
 */
export async function listLog(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  contactId: string,
  page: { cursor?: string; limit: number; threadId?: string },
): Promise<{ items: LogItem[]; nextCursor: string | null }> {
  await requireContact(db, viewer.accountId, contactId);
  const { threadId } = page;
  const order = threadId === undefined ? `log:${contactId}` : `thread:${contactId}:${threadId}`;
  const direction = threadId === undefined ? 'desc' : 'asc';
  let query = db
    .selectFrom('log_item')
    .where('account_id', '=', viewer.accountId)
    .where('contact_id', '=', contactId)
    .where(visibleTo(viewer))
    .select(['id', placeOf('log_item').as('place')])
    .orderBy('at', direction)
    .orderBy(sql`coalesce(sent_at, at)`, direction)
    .orderBy('id', direction)
    .limit(page.limit + 1);
  if (page.cursor) {
    const place = decodeCursor(order, placeKinds, page.cursor);
    const after = sql.raw(direction === 'desc' ? '<' : '>');
    query = query.where(sql<boolean>`${keyOf('log_item')} ${after} ${placeKey(place)}`);
  }
  if (threadId !== undefined) {
    query = query.where(sql<boolean>`message_id in (
      select m.id from message m where m.account_id = ${viewer.accountId} and m.thread_key in (
        select key from thread where account_id = ${viewer.accountId} and id = ${threadId}
        union all select thread_key from former_thread where account_id = ${viewer.accountId} and id = ${threadId}))`);
  }
  const rows = await query.execute();
  const shown = rows.slice(0, page.limit);
  const last = rows.length > shown.length ? shown.at(-1) : undefined;
  return {
    items: await loadLogItems(
      db,
      viewer,
      shown.map((row) => row.id),
    ),
    nextCursor: last ? encodeCursor(order, last.place) : null,
  };
}

/** The order of a log: by receive time, within a second by when it was written, then by id. */
export const placeKinds = ['time', 'time', 'id'] as const;

/** Of an item its place, for a cursor. */
export function placeOf(item: string): RawBuilder<string[]> {
  return sql<
    string[]
  >`array[${sql.ref(`${item}.at`)}::text, coalesce(${sql.ref(`${item}.sent_at`)}, ${sql.ref(`${item}.at`)})::text,
    ${sql.ref(`${item}.id`)}::text]`;
}

/** Of an item what it is ordered by: the columns of the index log_item_newest. */
export function keyOf(item: string): RawBuilder<unknown> {
  return sql`(${sql.ref(`${item}.at`)}, coalesce(${sql.ref(`${item}.sent_at`)}, ${sql.ref(`${item}.at`)}), ${sql.ref(`${item}.id`)})`;
}

/** The same of a place that a cursor gave. */
export function placeKey([at, written, id]: readonly string[]): RawBuilder<unknown> {
  return sql`(${at}::timestamptz, ${written}::timestamptz, ${id}::uuid)`;
}

/** Which of these log items the viewer may see: what names a log item elsewhere (firings, why) asks here first. */
export async function visibleLogItemIds(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from log_item where account_id = ${viewer.accountId} and id = any(${itemIds}::uuid[]) and ${visibleTo(viewer)}`.execute(
    db,
  );
  return new Set(rows.map((row) => row.id));
}

/** Throws AppError 'not_found' unless the account has this contact. */
export async function requireContact(db: Db | Trx, accountId: string, contactId: string): Promise<void> {
  const contact = await db
    .selectFrom('contact')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', '=', contactId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!contact) throw new AppError('not_found', 'There is no such contact. It may have been deleted.');
}

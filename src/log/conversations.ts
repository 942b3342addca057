import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { Db, Trx } from '../db/open.ts';
import type { Address } from '../mail/address.ts';
import { loadLogItems } from './items.ts';
import type { LogItem } from './items.ts';
import { keyOf, placeKey, placeKinds, placeOf, requireContact } from './query.ts';
import { visibleTo } from './visibility-sql.ts';

/** Messages of one thread in a contact's log, as far as the viewer may see them. */
export interface Conversation {
  count: number;
  /** Who wrote, the latest first, and how many they are. */
  participants: Address[];
  participantCount: number;
}

/** How many writers a row shows. */
const shownParticipants = 5;

/**
 * A page of a contact's log by conversation, by keyset: of each the newest visible item, the conversation with the newest mail first. An item that is no email stands alone
 * (`conversation` null). What the viewer may not see is in no count and no name. Throws as listLog().
 */
export async function listConversations(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  contactId: string,
  page: { cursor?: string; limit: number },
): Promise<{ items: (LogItem & { conversation: Conversation | null })[]; nextCursor: string | null }> {
  await requireContact(db, viewer.accountId, contactId);
  const order = `conversations:${contactId}`;
  const after = page.cursor
    ? sql`${keyOf('li')} < ${placeKey(decodeCursor(order, placeKinds, page.cursor))}`
    : sql`true`;
  // From the newest on, in the index's order: an item is passed over where a newer one of its conversation is. The limits keep these questions from being
  // turned into joins over the whole log.
  const { rows } = await sql<{ id: string; threadKey: string | null; messageId: string | null; place: string[] }>`
    select li.id, m.thread_key as "threadKey", m.id as "messageId", ${placeOf('li')} as place
    from log_item li
    left join lateral (
      select id, thread_key from message where account_id = li.account_id and message.id = li.message_id limit 1) m on true
    where li.account_id = ${viewer.accountId} and li.contact_id = ${contactId} and ${after} and ${visibleTo(viewer, 'li')}
      and (select true from message n
        join log_item newer on newer.account_id = n.account_id and newer.contact_id = li.contact_id and newer.message_id = n.id
        where n.account_id = li.account_id and n.thread_key = m.thread_key and ${keyOf('newer')} > ${keyOf('li')}
          and ${visibleTo(viewer, 'newer')} limit 1) is null
    order by li.at desc, coalesce(li.sent_at, li.at) desc, li.id desc
    limit ${page.limit + 1}`.execute(db);
  const shown = rows.slice(0, page.limit);
  const last = rows.length > shown.length ? shown.at(-1) : undefined;
  const held = await loadMessages(db, viewer, contactId, shown);
  const writers = await loadWriters(db, viewer.accountId, held);
  const items = await loadLogItems(
    db,
    viewer,
    shown.map((row) => row.id),
  );
  return {
    items: items.map((item) => {
      const { participants = [], participantCount = 0 } = writers.get(item.id) ?? {};
      const count = held.get(item.id)?.length ?? 0;
      return { ...item, conversation: item.message && { count, participants, participantCount } };
    }),
    nextCursor: last ? encodeCursor(order, last.place) : null,
  };
}

/** The visible messages of the conversations that these items are the newest of, by the item's id. */
async function loadMessages(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  contactId: string,
  newest: readonly { id: string; threadKey: string | null; messageId: string | null }[],
): Promise<Map<string, string[]>> {
  const alone = newest.filter(({ threadKey, messageId }) => threadKey === null && messageId !== null);
  const held = new Map(alone.map(({ id, messageId }) => [id, [messageId!]]));
  const threads = newest.filter(({ threadKey }) => threadKey !== null);
  if (threads.length === 0) return held;
  const { rows } = await sql<{ id: string; messageIds: string[] }>`
    select newest.id, array_agg(m.id) as "messageIds"
    from unnest(${threads.map((one) => one.id)}::uuid[], ${threads.map((one) => one.threadKey!)}::bigint[]) as newest (id, thread_key)
    join message m on m.account_id = ${viewer.accountId} and m.thread_key = newest.thread_key
    join log_item li on li.account_id = m.account_id and li.contact_id = ${contactId} and li.message_id = m.id
    where ${visibleTo(viewer, 'li')}
    group by newest.id`.execute(db);
  for (const { id, messageIds } of rows) held.set(id, messageIds);
  return held;
}

async function loadWriters(
  db: Db | Trx,
  accountId: string,
  conversations: ReadonlyMap<string, string[]>,
): Promise<Map<string, Pick<Conversation, 'participants' | 'participantCount'>>> {
  const messages = [...conversations].flatMap(([id, messageIds]) => messageIds.map((messageId) => ({ id, messageId })));
  if (messages.length === 0) return new Map();
  const { rows } = await sql<{ id: string; name: string; address: string; total: number }>`
    select id, name, address, total from (
      select id, name, address, count(*) over (partition by id)::int as total,
        row_number() over (partition by id order by latest desc, address_key) as rank
      from (
        select asked.id, p.address_key, max(m.received_at) as latest,
          (array_agg(p.name order by p.name = '', m.received_at desc))[1] as name,
          (array_agg(p.address order by m.received_at desc))[1] as address
        from unnest(${messages.map((one) => one.id)}::uuid[], ${messages.map((one) => one.messageId)}::uuid[]) as asked (id, message_id)
        join message m on m.account_id = ${accountId} and m.id = asked.message_id
        join message_participant p on p.account_id = m.account_id and p.message_id = m.id and p.role = 'from'
        group by asked.id, p.address_key) as writer) as ranked
    where rank <= ${shownParticipants} order by id, rank`.execute(db);
  const writers = new Map<string, { participants: Address[]; participantCount: number }>();
  for (const { id, name, address, total } of rows) {
    const known = writers.get(id) ?? { participants: [], participantCount: total };
    writers.set(id, known);
    known.participants.push({ name, address });
  }
  return writers;
}

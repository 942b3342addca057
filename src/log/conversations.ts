import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { Db, Trx } from '../db/open.ts';
import type { Address } from '../mail/address.ts';
import { loadLogItems } from './items.ts';
import type { LogItem } from './items.ts';
import { requireContact } from './query.ts';
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
 * A page of a contact's log by conversation: of each the newest visible item, the conversation with the newest mail first. An item that is no email stands alone
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
  const [at, id] = page.cursor ? decodeCursor(order, ['time', 'id'], page.cursor) : [null, null];
  const { rows } = await sql<{ id: string; place: string; newest: string; count: number; messageIds: string[] }>`
    select coalesce(t.id, li.id) as id, max(li.at)::text as place, count(*)::int as count,
      (array_agg(li.id order by li.at desc, li.id desc))[1] as newest, array_remove(array_agg(li.message_id), null) as "messageIds"
    from log_item li
    left join message m on m.account_id = li.account_id and m.id = li.message_id
    left join thread t on t.account_id = m.account_id and t.key = m.thread_key
    where li.account_id = ${viewer.accountId} and li.contact_id = ${contactId} and ${visibleTo(viewer, 'li')}
    group by 1
    having ${at}::timestamptz is null or (max(li.at), coalesce(t.id, li.id)) < (${at}::timestamptz, ${id}::uuid)
    order by max(li.at) desc, 1 desc
    limit ${page.limit + 1}`.execute(db);
  const shown = rows.slice(0, page.limit);
  const last = rows.length > shown.length ? shown.at(-1) : undefined;
  const writers = await loadWriters(db, viewer.accountId, shown);
  const items = await loadLogItems(
    db,
    viewer,
    shown.map((row) => row.newest),
  );
  const rowOf = new Map(shown.map((row) => [row.newest, row]));
  return {
    items: items.map((item) => {
      const row = rowOf.get(item.id)!;
      const { participants = [], participantCount = 0 } = writers.get(row.id) ?? {};
      return { ...item, conversation: item.message && { count: row.count, participants, participantCount } };
    }),
    nextCursor: last ? encodeCursor(order, [last.place, last.id]) : null,
  };
}

async function loadWriters(
  db: Db | Trx,
  accountId: string,
  conversations: readonly { id: string; messageIds: string[] }[],
): Promise<Map<string, Pick<Conversation, 'participants' | 'participantCount'>>> {
  const messages = conversations.flatMap(({ id, messageIds }) => messageIds.map((messageId) => ({ id, messageId })));
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

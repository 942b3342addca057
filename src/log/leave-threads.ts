import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { keyedHash } from '../mail/hash.ts';
import { lockThreads } from './join-threads.ts';
import type { NewMessage } from './join-threads.ts';

/**
 * Takes the threads apart that these messages joined by references which they don't have any more. Answers all messages of those threads with the references of now, to be joined anew in
 * the same transaction. What was stored before the messages came keeps the thread and its id.
 */
export async function leaveThreads(
  trx: Trx,
  { accountId, hashKey }: { accountId: string; hashKey: Buffer },
  messageIds: readonly string[],
): Promise<NewMessage[]> {
  if (messageIds.length === 0) return [];
  await lockThreads(trx, accountId);
  const { rows } = await sql<{ id: string; key: string; names: string[] }>`
    select m.id, m.thread_key as key, array_remove(array[m.internet_message_id, m.in_reply_to] || m.reference_ids, null) as names
    from message m
    where m.account_id = ${accountId} and m.thread_key in (
      select thread_key from message where account_id = ${accountId} and id = any(${messageIds}::uuid[]))
    order by m.id = any(${messageIds}::uuid[]), m.created_at, m.id`.execute(trx);
  const messages = rows.map(({ id, key, names }) => ({
    id,
    key,
    references: [...new Set(names)].map((name) => keyedHash(hashKey, name)),
  }));
  const keepers = [...Map.groupBy(messages, ({ key }) => key).values()].map(([first]) => first!);
  const keys = keepers.map(({ key }) => key);
  await sql`
    delete from thread_reference where account_id = ${accountId} and thread_key = any(${keys}::bigint[])
      and hash <> all(${keepers.flatMap(({ references }) => references)}::bytea[])`.execute(trx);
  await sql`
    update thread t set weight =
      (select count(*) from thread_reference r where r.account_id = t.account_id and r.thread_key = t.key)
      + (select count(*) from former_thread f where f.account_id = t.account_id and f.thread_key = t.key)
    where t.account_id = ${accountId} and t.key = any(${keys}::bigint[])`.execute(trx);
  // Without a Message-ID it may have no reference left that leads there.
  const staying = new Map(keepers.map(({ id, key }) => [id, { staysIn: key }]));
  return messages.map(({ id, references }) => ({ id, references, ...staying.get(id) }));
}

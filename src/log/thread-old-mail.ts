import { sql } from 'kysely';
import { lockContactAddresses } from '../contacts/match.ts';
import type { Db, Trx } from '../db/open.ts';
import { keyedHash } from '../mail/hash.ts';
import { joinThreads } from './join-threads.ts';

/** Messages of one transaction: it holds the account's threads lock, which pages wait for. */
const mostAtOnce = 200;

/**
 * Goes through messages that were stored before there were threads, one batch: puts them into their threads, and notes on their log items when they were written.
 * Where it is stands in the database, so it goes on after a restart, in whatever process; several take turns. Answers whether there is more to do.
 */
export async function threadOldMail(
  db: Db,
  hashKey: (trx: Trx, accountId: string) => Promise<Buffer>,
): Promise<boolean> {
  return await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ accountId: string; after: string }>`
      select account_id as "accountId", after from threading order by account_id limit 1 for update`.execute(trx);
    const [at] = rows;
    if (!at) return false;
    // As a page does: nothing is erased meanwhile.
    await lockContactAddresses(trx, at.accountId, 'share');
    const messages = await nextMessages(trx, at);
    const last = messages.at(-1);
    if (!last) {
      await sql`delete from threading where account_id = ${at.accountId}`.execute(trx);
      return true;
    }
    const key = await hashKey(trx, at.accountId);
    await joinThreads(
      trx,
      at.accountId,
      messages
        .filter((message) => !message.threaded)
        .map(({ id, names }) => ({ id, references: [...new Set(names)].map((name) => keyedHash(key, name)) })),
    );
    await sql`
      update log_item li set sent_at = m.sent_at from message m
      where m.account_id = ${at.accountId} and m.id = any(${messages.map(({ id }) => id)}::uuid[])
        and li.account_id = m.account_id and li.message_id = m.id and li.sent_at is distinct from m.sent_at`.execute(
      trx,
    );
    await sql`update threading set after = ${last.id} where account_id = ${at.accountId}`.execute(trx);
    return true;
  });
}

/** The next ones by id, threaded or not: the primary key finds them without a look at those before. */
async function nextMessages(trx: Trx, { accountId, after }: { accountId: string; after: string }) {
  const { rows } = await sql<{ id: string; threaded: boolean; names: string[] }>`
    select id, thread_key is not null as threaded,
      array_remove(array[internet_message_id, in_reply_to] || reference_ids, null) as names
    from message where account_id = ${accountId} and id > ${after} order by id limit ${mostAtOnce}`.execute(trx);
  return rows;
}

import { sql } from 'kysely';
import type { Blobs } from '../blobs/blobs.ts';
import type { Db, Trx } from '../db/open.ts';
import { repeating } from '../db/repeat.ts';
import { keyedHash } from '../mail/hash.ts';
import { deleteMessages, eraseStep, messagesOfStep } from './erase-messages.ts';

/** Runs or tasks that one transaction deletes, with their steps and log items. */
const rowsOfStep = 1_000;
const beforeAll = '00000000-0000-0000-0000-000000000000';

/**
 * Erases the runs, tasks and emails of a contact that is marked as deleted, and the messages that no other contact has (spec, section 5, Lives and deaths). The messages' ledger rows go
 * back to skipped, "no contact" ("excluded" where another contact is): they keep the identity, and get the keyed hashes of Message-ID and participants, so that the mail is found
 * again should the contact come back. In steps that are transactions of their own; what broke off is finished by doing it again (docs/decisions/0027).
 * `stop` throws its reason before the next step.
 */
export async function eraseLogOfContact(
  db: Db,
  blobs: Pick<Blobs, 'remove'>,
  hashKey: Buffer,
  accountId: string,
  contactId: string,
  stop?: AbortSignal,
): Promise<void> {
  // Runs before messages, which they name.
  for (const table of ['run', 'task'] as const) {
    do stop?.throwIfAborted();
    while ((await repeating(() => deleteSome(db, table, accountId, contactId))) === rowsOfStep);
  }
  for (let after = beforeAll; ;) {
    const messageIds = await nextMessages(db, accountId, contactId, after);
    const last = messageIds.at(-1);
    if (last === undefined) return;
    await eraseStep(db, blobs, accountId, (trx) => eraseMessages(trx, hashKey, accountId, contactId, messageIds), stop);
    after = last;
  }
}

async function deleteSome(db: Db, table: 'run' | 'task', accountId: string, contactId: string): Promise<number> {
  return await db.transaction().execute(async (trx) => {
    // Whoever deletes a map locks contacts before their runs too.
    await sql`select from contact where account_id = ${accountId} and id = ${contactId} for update`.execute(trx);
    const { numAffectedRows = 0n } = await sql`
      delete from ${sql.table(table)} where account_id = ${accountId} and id in (
        select id from ${sql.table(table)} where account_id = ${accountId} and contact_id = ${contactId} limit ${rowsOfStep})`.execute(
      trx,
    );
    return Number(numAffectedRows);
  });
}

/** The contact gets no more of them: it has no addresses left. */
async function nextMessages(db: Db, accountId: string, contactId: string, after: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select message_id as id from log_item
    where account_id = ${accountId} and contact_id = ${contactId} and message_id > ${after}
    order by message_id limit ${messagesOfStep}`.execute(db);
  return rows.map(({ id }) => id);
}

async function eraseMessages(
  trx: Trx,
  hashKey: Buffer,
  accountId: string,
  contactId: string,
  messageIds: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ id: string; shared: boolean }>`
    delete from log_item mine
    where account_id = ${accountId} and contact_id = ${contactId} and message_id = any(${messageIds}::uuid[])
    returning message_id as id, exists (select from log_item other where other.account_id = mine.account_id
      and other.message_id = mine.message_id and other.contact_id <> mine.contact_id) as shared`.execute(trx);
  const alone = rows.filter(({ shared }) => !shared).map(({ id }) => id);
  if (alone.length === 0) return [];
  await skipAgain(trx, hashKey, accountId, alone);
  return await deleteMessages(trx, accountId, alone);
}

/**
 * The rows of these messages are skipped from now on, and keep the hash of the Message-ID and of each participant; that of a Bcc only where the copy carries it. In one statement: a row
 * that is written twice in a transaction has its foreign keys checked again.
 */
async function skipAgain(trx: Trx, hashKey: Buffer, accountId: string, messageIds: readonly string[]): Promise<void> {
  const { rows: people } = await sql<{ key: string }>`
    select distinct address_key as key from message_participant
    where account_id = ${accountId} and message_id = any(${messageIds}::uuid[]) and role <> 'reply-to'`.execute(trx);
  const { rows: names } = await sql<{ id: string; name: string }>`
    select id, internet_message_id as name from message
    where account_id = ${accountId} and id = any(${messageIds}::uuid[]) and internet_message_id is not null`.execute(
    trx,
  );
  await sql`
    with participants as (
      select s.id, hashed.hash, bool_and(p.role = 'bcc') as blind
      from sighting s
      join message_participant p on p.account_id = s.account_id and p.message_id = s.message_id
        and p.role <> 'reply-to' and (p.role <> 'bcc' or p.connection_id = s.connection_id)
      join unnest(${people.map((row) => row.key)}::text[], ${people.map((row) => keyedHash(hashKey, row.key))}::bytea[]) as hashed (key, hash)
        on hashed.key = p.address_key
      where s.account_id = ${accountId} and s.message_id = any(${messageIds}::uuid[])
      group by s.id, hashed.hash
    ), kept as (
      select id, array_agg(hash) as strangers, array_agg(hash) filter (where blind) as blind from participants group by id
    ), changed as (
      select s.id, kept.strangers, kept.blind, named.hash as name from sighting s
      left join kept on kept.id = s.id
      left join unnest(${names.map((row) => row.id)}::uuid[], ${names.map((row) => keyedHash(hashKey, row.name))}::bytea[]) as named (id, hash)
        on named.id = s.message_id
      where s.account_id = ${accountId} and s.message_id = any(${messageIds}::uuid[])
    )
    update sighting s set state = 'skipped', rule = ${ruleWithout}, message_id = null, class = null, kind = null, error = null, due_at = null,
      decided_at = now(), strangers = changed.strangers, blind_strangers = changed.blind,
      internet_message_id_hash = coalesce(s.internet_message_id_hash, changed.name)
    from changed where s.account_id = ${accountId} and s.id = changed.id`.execute(trx);
}

/** Of a sighting that the contact is gone from: nobody in it is one any more, or all others are excluded in its mailbox. */
const ruleWithout = sql`case when exists (
  select from sighting_exclusion x
  join exclusion e on e.account_id = x.account_id and e.id = x.exclusion_id and e.removed_at is null
  join contact_address a on a.account_id = x.account_id and a.hash = x.hash
  where x.account_id = s.account_id and x.sighting_id = s.id) then 'excluded' else 'no_contact' end`;

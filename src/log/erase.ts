import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { keyedHash } from '../mail/hash.ts';
import { unnamedAmong } from './remove-unnamed.ts';

/**
 * Erases the messages that only these contacts have (spec, section 5, Lives and deaths). Their ledger rows go back to skipped, "no contact" ("excluded" where another
 * contact is): they keep the identity, and get the keyed hashes of Message-ID and participants, so that the mail is found again should the contact come back. Call it under
 * the account's exclusive address lock. Answers the keys of blobs that nothing names any more: remove them after the commit.
 */
export async function eraseMailOfContacts(
  trx: Trx,
  hashKey: Buffer,
  accountId: string,
  contactIds: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct mine.message_id as id from log_item mine
    where mine.account_id = ${accountId} and mine.contact_id = any(${contactIds}::uuid[]) and mine.message_id is not null
      and not exists (select from log_item other where other.account_id = mine.account_id
        and other.message_id = mine.message_id and other.contact_id <> all(${contactIds}::uuid[]))`.execute(trx);
  const messageIds = rows.map((row) => row.id);
  if (messageIds.length === 0) return [];
  await hashParticipants(trx, hashKey, accountId, messageIds);
  await hashMessageIds(trx, hashKey, accountId, messageIds);
  await sql`
    update sighting set state = 'skipped', rule = ${ruleWithout(contactIds)}, message_id = null, class = null, kind = null, error = null, due_at = null, decided_at = now()
    where account_id = ${accountId} and message_id = any(${messageIds}::uuid[])`.execute(trx);
  return await deleteMessages(trx, accountId, messageIds);
}

/**
 * Erases a connection's sightings and the messages that no other connection holds, with their log items. What only this copy's Bcc had matched goes as well:
 * nobody could see it any more. Call it under the account's exclusive address lock. Answers as eraseMailOfContacts().
 */
export async function eraseMailOfConnection(trx: Trx, accountId: string, connectionId: string): Promise<string[]> {
  // Millions of rows take longer than any other statement may.
  await sql`set local statement_timeout = '15min'`.execute(trx);
  const { rows } = await sql<{ id: string }>`
    select distinct mine.message_id as id from sighting mine
    where mine.account_id = ${accountId} and mine.connection_id = ${connectionId} and mine.message_id is not null
      and not exists (select from sighting other where other.account_id = mine.account_id
        and other.message_id = mine.message_id and other.connection_id <> mine.connection_id)`.execute(trx);
  for (const table of ['decision', 'sighting_exclusion']) {
    await sql`
      delete from ${sql.table(table)} part using sighting
      where part.account_id = ${accountId} and sighting.account_id = part.account_id and sighting.id = part.sighting_id
        and sighting.connection_id = ${connectionId}`.execute(trx);
  }
  await sql`delete from sighting where account_id = ${accountId} and connection_id = ${connectionId}`.execute(trx);
  const unnamed = await deleteMessages(
    trx,
    accountId,
    rows.map((row) => row.id),
  );
  await sql`
    with gone as (
      delete from message_participant where account_id = ${accountId} and role = 'bcc' and connection_id = ${connectionId}
      returning account_id, message_id, address, address_key)
    delete from log_item using gone
    where log_item.account_id = gone.account_id and log_item.message_id = gone.message_id and log_item.matched_role = 'bcc'
      and log_item.matched_address in (gone.address, gone.address_key)
      and not exists (select from message_participant kept where kept.account_id = gone.account_id and kept.message_id = gone.message_id
        and kept.role = 'bcc' and kept.connection_id <> ${connectionId}
        and log_item.matched_address in (kept.address, kept.address_key))`.execute(trx);
  return unnamed;
}

/** Of a sighting, without these contacts: nobody in it is one any more, or all others are excluded in its mailbox. */
const ruleWithout = (contactIds: readonly string[]) => sql`case when exists (
  select from sighting_exclusion x
  join exclusion e on e.account_id = x.account_id and e.id = x.exclusion_id and e.removed_at is null
  join contact_address a on a.account_id = x.account_id and a.hash = x.hash and a.contact_id <> all(${contactIds}::uuid[])
  where x.account_id = sighting.account_id and x.sighting_id = sighting.id) then 'excluded' else 'no_contact' end`;

/** A skipped row keeps the hash of each participant; that of a Bcc only where the copy carries it. */
async function hashParticipants(
  trx: Trx,
  hashKey: Buffer,
  accountId: string,
  messageIds: readonly string[],
): Promise<void> {
  const { rows } = await sql<{ key: string }>`
    select distinct address_key as key from message_participant
    where account_id = ${accountId} and message_id = any(${messageIds}::uuid[]) and role <> 'reply-to'`.execute(trx);
  await sql`
    update sighting s set strangers = kept.hashes, blind_strangers = kept.blind
    from (
      select id, array_agg(hash) as hashes, array_agg(hash) filter (where blind) as blind from (
        select s.id, hashed.hash, bool_and(p.role = 'bcc') as blind
        from sighting s
        join message_participant p on p.account_id = s.account_id and p.message_id = s.message_id
          and p.role <> 'reply-to' and (p.role <> 'bcc' or p.connection_id = s.connection_id)
        join unnest(${rows.map((row) => row.key)}::text[], ${rows.map((row) => keyedHash(hashKey, row.key))}::bytea[]) as hashed (key, hash)
          on hashed.key = p.address_key
        where s.account_id = ${accountId} and s.message_id = any(${messageIds}::uuid[])
        group by s.id, hashed.hash) each_one
      group by id) kept
    where s.account_id = ${accountId} and s.id = kept.id`.execute(trx);
}

async function hashMessageIds(
  trx: Trx,
  hashKey: Buffer,
  accountId: string,
  messageIds: readonly string[],
): Promise<void> {
  const { rows } = await sql<{ id: string; name: string }>`
    select m.id, m.internet_message_id as name from message m
    where m.account_id = ${accountId} and m.id = any(${messageIds}::uuid[]) and m.internet_message_id is not null
      and exists (select from sighting s where s.account_id = m.account_id and s.message_id = m.id
        and s.internet_message_id_hash is null)`.execute(trx);
  await sql`
    update sighting s set internet_message_id_hash = hashed.hash
    from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => keyedHash(hashKey, row.name))}::bytea[]) as hashed (id, hash)
    where s.account_id = ${accountId} and s.message_id = hashed.id and s.internet_message_id_hash is null`.execute(trx);
}

async function deleteMessages(trx: Trx, accountId: string, messageIds: readonly string[]): Promise<string[]> {
  if (messageIds.length === 0) return [];
  const { rows: deleted } = await sql<{ raw: string | null; thread: string | null }>`
    delete from message where account_id = ${accountId} and id = any(${messageIds}::uuid[])
    returning raw, thread_key as thread`.execute(trx);
  await removeEmptyThreads(
    trx,
    accountId,
    deleted.map((row) => row.thread),
  );
  const keys = [...new Set(deleted.flatMap((row) => row.raw ?? []))];
  return await unnamedAmong(trx, accountId, keys);
}

/** Of these threads those that have no message any more. */
export async function removeEmptyThreads(trx: Trx, accountId: string, keys: readonly (string | null)[]): Promise<void> {
  await sql`
    delete from thread
    where account_id = ${accountId} and key = any(${[...new Set(keys.filter((key) => key !== null))]}::bigint[])
      and not exists (select from message kept where kept.account_id = thread.account_id and kept.thread_key = thread.key)`.execute(
    trx,
  );
}

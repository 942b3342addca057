import { sql } from 'kysely';
import { exclusionOf } from '../contacts/exclusion-sql.ts';
import { ownAddressKeys } from '../contacts/own-addresses.ts';
import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';
import { notifyLogs } from './notify-logs.ts';
import { lateRules } from './rules.ts';

/**
 * Finds the mail of contacts whose addresses are new, or not excluded any more, since the connections' start (spec, section 5, Strangers). Skipped rows that hold the hash of one of
 * their addresses become due: the connection's own loop fetches and logs them. Messages that are stored already because of somebody else get their log items
 * at once. All of it is class late contact, so nothing fires. A few queries for one contact or for 100,000. Call it under the account's exclusive address lock.
 */
export async function findLateMail(
  trx: Trx,
  accountId: string,
  contactIds: readonly string[],
): Promise<{ due: number; logged: number }> {
  if (contactIds.length === 0) return { due: 0, logged: 0 };
  const connections = await markDue(trx, accountId, contactIds);
  for (const { connectionId } of connections)
    await notify(trx, 'letterlog_connection', { accountId, connectionId, only: 'rows' });
  const logged = await logStored(trx, accountId, contactIds);
  await notifyLogs(trx, accountId, logged);
  return { due: connections.reduce((sum, row) => sum + row.rows, 0), logged: logged.length };
}

const few = 10;

/**
 * What has vanished or is superseded can't be fetched any more; where it lies now it has another row. A row whose contacts are all excluded in its mailbox isn't
 * fetched for that: it says so from now on.
 */
async function markDue(
  trx: Trx,
  accountId: string,
  contactIds: readonly string[],
): Promise<{ connectionId: string; rows: number }[]> {
  const { rows: asked } = await sql<{ key: string; hash: Buffer }>`
    select address_key as key, hash from contact_address
    where account_id = ${accountId} and contact_id = any(${contactIds}::uuid[])`.execute(trx);
  const hashes = asked.map(({ hash }) => hash);
  // What an import has added lately isn't sorted into the index yet, and is compared with each address there.
  if (asked.length > few) await sql`select gin_clean_pending_list('sighting_strangers')`.execute(trx);
  // One look into the index for each address ("offset 0" keeps the planner to that): for all at once it compares every address with every row that it finds.
  const { rows } = await sql<{ connectionId: string; rows: number }>`
    with found as (
      select s.id, a.hash, a.hash = any(coalesce(s.blind_strangers, '{}')) as blind, x.id as exclusion_id
      from unnest(${hashes}::bytea[], ${asked.map(({ key }) => key)}::text[]) as a (hash, address_key)
      cross join lateral (select * from sighting where strangers && array[a.hash] offset 0) s
      join connection c on c.account_id = s.account_id and c.id = s.connection_id and c.deleted_at is null
      left join lateral ${exclusionOf(accountId, sql`a.address_key`, sql`c.user_id`)} x on true
      where s.account_id = ${accountId} and s.state = 'skipped' and s.rule = any(${lateRules}::text[]) and s.vanished_at is null and s.superseded_at is null
    ), due as (
      update sighting s set due_at = now() from (select distinct id from found where exclusion_id is null) wanted
      where s.account_id = ${accountId} and s.id = wanted.id
      returning s.connection_id
    ), held as (
      select id from found group by id having bool_and(exclusion_id is not null)
    ), told as (
      update sighting s set rule = 'excluded', decided_at = now() from held
      where s.account_id = ${accountId} and s.id = held.id and s.rule = 'no_contact'
    ), named as (
      insert into sighting_exclusion (account_id, sighting_id, hash, exclusion_id, blind)
      select distinct on (id, hash) ${accountId}::uuid, id, hash, exclusion_id, blind from found join held using (id)
      on conflict (sighting_id, hash, account_id) do update set exclusion_id = excluded.exclusion_id
    )
    select connection_id as "connectionId", count(*)::int as rows from due group by connection_id`.execute(trx);
  return rows;
}

/** Answers the contact of each new item. Where an address is excluded, copies in mailboxes in which it isn't count. */
async function logStored(trx: Trx, accountId: string, contactIds: readonly string[]): Promise<string[]> {
  const own = [...(await ownAddressKeys(trx, accountId))];
  const { rows } = await sql<{ contactId: string }>`
    insert into log_item (account_id, contact_id, kind, at, sent_at, message_id, direction, matched_address, matched_role, class)
    select distinct on (p.message_id, a.contact_id)
      a.account_id, a.contact_id, 'email_sync',
      coalesce((select min(other.at) from log_item other
        where other.account_id = p.account_id and other.message_id = p.message_id), m.received_at),
      m.sent_at, p.message_id,
      case when exists (select from message_participant sender
          where sender.account_id = p.account_id and sender.message_id = p.message_id and sender.role = 'from'
            and sender.address_key = any(${own}::text[])) then 'sent'
        when p.role = 'from' then 'received' else 'copied' end,
      p.address, p.role, 'late_contact'
    from contact_address a
    join message_participant p on p.account_id = a.account_id and p.address_key = a.address_key
      and p.role in ('from', 'to', 'cc', 'bcc')
    join message m on m.account_id = p.account_id and m.id = p.message_id
    where a.account_id = ${accountId} and a.contact_id = any(${contactIds}::uuid[])
      and not a.address_key = any(${own}::text[])
      and exists (select from sighting s join connection c on c.account_id = s.account_id and c.id = s.connection_id
        where s.account_id = p.account_id and s.message_id = p.message_id and c.id = coalesce(p.connection_id, c.id)
          and not exists ${exclusionOf(accountId, sql`a.address_key`, sql`c.user_id`)})
    order by p.message_id, a.contact_id, array_position(array['from', 'to', 'cc', 'bcc'], p.role), p.position
    on conflict (account_id, contact_id, message_id) do nothing
    returning contact_id as "contactId"`.execute(trx);
  return rows.map((row) => row.contactId);
}

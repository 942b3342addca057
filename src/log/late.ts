import { sql } from 'kysely';
import { ownAddressKeys } from '../contacts/own-addresses.ts';
import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';
import { notifyLogs } from './notify-logs.ts';
import { lateRules } from './rules.ts';

/**
 * Finds the mail of contacts whose addresses are new, since the connections' start (spec, section 5, Strangers). Skipped rows that hold the hash of one of their
 * addresses become due: the connection's own loop fetches and logs them. Messages that are stored already because of somebody else get their log items at
 * once. All of it is class late contact, so nothing fires. Three queries for one contact or for 100,000. Call it under the account's exclusive address lock.
 */
export async function findLateMail(
  trx: Trx,
  accountId: string,
  contactIds: readonly string[],
): Promise<{ due: number; logged: number }> {
  if (contactIds.length === 0) return { due: 0, logged: 0 };
  const connections = await markDue(trx, accountId, contactIds);
  for (const { connectionId } of connections) await notify(trx, 'letterlog_connection', { accountId, connectionId });
  const logged = await logStored(trx, accountId, contactIds);
  await notifyLogs(trx, accountId, logged);
  return { due: connections.reduce((sum, row) => sum + row.rows, 0), logged: logged.length };
}

/** What has vanished or is superseded can't be fetched any more; where it lies now it has another row. */
async function markDue(
  trx: Trx,
  accountId: string,
  contactIds: readonly string[],
): Promise<{ connectionId: string; rows: number }[]> {
  const { rows } = await sql<{ connectionId: string; rows: number }>`
    with found as (
      select distinct p.sighting_id from contact_address a
      join sighting_participant p on p.account_id = a.account_id and p.hash = a.hash
      where a.account_id = ${accountId} and a.contact_id = any(${contactIds}::uuid[])
    ), due as (
      update sighting s set due_at = now() from found, connection c
      where s.account_id = ${accountId} and s.id = found.sighting_id
        and s.state = 'skipped' and s.rule = any(${lateRules}::text[])
        and s.vanished_at is null and s.superseded_at is null
        and c.account_id = s.account_id and c.id = s.connection_id and c.deleted_at is null
      returning s.connection_id
    )
    select connection_id as "connectionId", count(*)::int as rows from due group by connection_id`.execute(trx);
  return rows;
}

/** Answers the contact of each new item. */
async function logStored(trx: Trx, accountId: string, contactIds: readonly string[]): Promise<string[]> {
  const own = [...(await ownAddressKeys(trx, accountId))];
  const { rows } = await sql<{ contactId: string }>`
    insert into log_item (account_id, contact_id, kind, at, message_id, direction, matched_address, matched_role, class)
    select distinct on (p.message_id, a.contact_id)
      a.account_id, a.contact_id, 'email_sync',
      coalesce((select min(other.at) from log_item other
        where other.account_id = p.account_id and other.message_id = p.message_id), m.received_at),
      p.message_id,
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
    order by p.message_id, a.contact_id, array_position(array['from', 'to', 'cc', 'bcc'], p.role), p.position
    on conflict (account_id, contact_id, message_id) do nothing
    returning contact_id as "contactId"`.execute(trx);
  return rows.map((row) => row.contactId);
}

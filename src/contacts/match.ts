import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { addressKey } from '../mail/address.ts';

/**
 * The account's address lock, until the transaction ends: whoever decides about mail takes it shared, every change of contacts' or own addresses exclusively. So
 * a page and a new address see each other one way or the other, and no mail falls between (docs/decisions/0003). A page locks its connection's row first.
 */
export async function lockContactAddresses(trx: Trx, accountId: string, mode: 'share' | 'exclusive'): Promise<void> {
  const lock = sql.raw(mode === 'share' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock');
  await sql`select ${lock}(hashtextextended(${`contact-addresses:${accountId}`}, 0))`.execute(trx);
}

export interface AddressMatches {
  /** The contact of each address key that has one. Own addresses are never in here. */
  contacts: Map<string, string>;
  /** The account's own addresses among the keys: of connected mailboxes and of members' sign-ins. */
  own: Set<string>;
}

/** Whose these address keys (mail/address.ts) are: one query, however many. Only inside a transaction that holds the address lock is the answer final. */
export async function matchAddresses(db: Db | Trx, accountId: string, keys: Iterable<string>): Promise<AddressMatches> {
  const asked = new Set(keys);
  const matches: AddressMatches = { contacts: new Map(), own: new Set() };
  if (asked.size === 0) return matches;
  const list = [...asked];
  const { rows } = await sql<{ address: string; contactId: string | null }>`
    select address_key as address, contact_id as "contactId" from contact_address
    where account_id = ${accountId} and address_key = any(${list}::text[])
    union all
    select a.address_key, null from connection_address a
    join connection c on c.account_id = a.account_id and c.id = a.connection_id and c.deleted_at is null
    where a.account_id = ${accountId} and a.address_key = any(${list}::text[])
    union all
    select u.email, null from member m join "user" u on u.id = m.user_id where m.account_id = ${accountId}`.execute(db);
  for (const { address, contactId } of rows) {
    if (contactId !== null) {
      matches.contacts.set(address, contactId);
      continue;
    }
    const key = addressKey(address);
    if (key !== null && asked.has(key)) matches.own.add(key);
  }
  for (const key of matches.own) matches.contacts.delete(key);
  return matches;
}

import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { sqlState } from '../db/repeat.ts';
import { addressKey } from '../mail/address.ts';
import { exclusionOf } from './exclusion-sql.ts';

/**
 * The account's address lock, until the transaction ends: whoever decides about mail takes it shared, every change of contacts' or own addresses, or of exclusions,
 * exclusively. So a page and a new address see each other one way or the other, and no mail falls between (docs/decisions/0003). A page locks its connection's row first.
 */
export async function lockContactAddresses(trx: Trx, accountId: string, mode: 'share' | 'exclusive'): Promise<void> {
  const lock = sql.raw(mode === 'share' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock');
  await sql`select ${lock}(hashtextextended(${lockName(accountId)}, 0))`.execute(trx);
}

/**
 * The same lock, shared, waited for so many milliseconds at most (0: only if nobody holds or awaits it exclusively). False: it wasn't to be had, and the transaction has to
 * be given up.
 */
export async function shareContactAddresses(trx: Trx, accountId: string, mostMs: number): Promise<boolean> {
  if (mostMs === 0) {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_xact_lock_shared(hashtextextended(${lockName(accountId)}, 0)) as locked`.execute(trx);
    return rows[0]!.locked;
  }
  await sql`set local lock_timeout = ${sql.lit(mostMs)}`.execute(trx);
  try {
    await lockContactAddresses(trx, accountId, 'share');
  } catch (error) {
    if (sqlState(error) !== '55P03') throw error;
    return false;
  }
  await sql`set local lock_timeout to default`.execute(trx);
  return true;
}

const lockName = (accountId: string) => `contact-addresses:${accountId}`;

export interface AddressMatches {
  /** The contact of each address key that has one. Own and excluded addresses are never in here. */
  contacts: Map<string, string>;
  /** The account's own addresses among the keys: of connected mailboxes and of members' sign-ins. */
  own: Set<string>;
  /** Own addresses, and all those at the account's own domains. */
  colleagues: Set<string>;
  /** Contacts' addresses that are excluded in this mailbox, with the exclusion's id. */
  excluded: Map<string, string>;
}

/**
 * Whose these address keys (mail/address.ts) are to the mail of one mailbox: one query, and a second one where the account has exclusions, however many keys
 * and exclusions there are. Only inside a transaction that holds the address lock is the answer final.
 */
export async function matchAddresses(
  db: Db | Trx,
  mailbox: { accountId: string; connectionId: string },
  keys: Iterable<string>,
): Promise<AddressMatches> {
  const { accountId } = mailbox;
  const asked = new Set(keys);
  const matches: AddressMatches = { contacts: new Map(), own: new Set(), colleagues: new Set(), excluded: new Map() };
  if (asked.size === 0) return matches;
  const list = [...asked];
  const { rows } = await sql<Row>`
    select 'contact' as what, address_key as value, contact_id as "contactId" from contact_address
    where account_id = ${accountId} and address_key = any(${list}::text[])
    union all
    select 'own', a.address_key, null from connection_address a
    join connection c on c.account_id = a.account_id and c.id = a.connection_id and c.deleted_at is null
    where a.account_id = ${accountId} and a.address_key = any(${list}::text[])
    union all
    select 'own', u.email, null from member m join "user" u on u.id = m.user_id where m.account_id = ${accountId}
    union all
    select distinct 'exclusion', case kind when 'own_domain' then value end, null::uuid from exclusion
    where account_id = ${accountId} and removed_at is null`.execute(db);
  const ownDomains: string[] = [];
  for (const row of rows) {
    if (row.what === 'contact') matches.contacts.set(row.value, row.contactId);
    if (row.what === 'exclusion' && row.value !== null) ownDomains.push(row.value);
    const key = row.what === 'own' ? addressKey(row.value) : null;
    if (key !== null && asked.has(key)) matches.own.add(key);
  }
  for (const key of asked) if (matches.own.has(key) || isWithin(key, ownDomains)) matches.colleagues.add(key);
  for (const key of matches.own) matches.contacts.delete(key);
  if (rows.some(({ what }) => what === 'exclusion')) {
    matches.excluded = await excludedAmong(db, mailbox, [...matches.contacts.keys()]);
    for (const key of matches.excluded.keys()) matches.contacts.delete(key);
  }
  return matches;
}

type Row =
  | { what: 'contact'; value: string; contactId: string }
  | { what: 'own'; value: string; contactId: null }
  | { what: 'exclusion'; value: string | null; contactId: null };

async function excludedAmong(
  db: Db | Trx,
  { accountId, connectionId }: { accountId: string; connectionId: string },
  keys: readonly string[],
): Promise<Map<string, string>> {
  const user = sql<
    string | null
  >`(select user_id from connection where account_id = ${accountId} and id = ${connectionId})`;
  const { rows } = await sql<{ key: string; id: string }>`
    select contact.key, e.id from unnest(${keys}::text[]) as contact (key), lateral ${exclusionOf(accountId, sql`contact.key`, user)} e`.execute(
    db,
  );
  return new Map(rows.map(({ key, id }) => [key, id]));
}

function isWithin(key: string, domains: readonly string[]): boolean {
  if (domains.length === 0) return false;
  const domain = key.slice(key.lastIndexOf('@') + 1);
  return domains.some((own) => domain === own || domain.endsWith(`.${own}`));
}

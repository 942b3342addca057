import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { addressKey } from '../mail/address.ts';
import { keyedHash } from '../mail/hash.ts';
import type { ContactDeps } from './deps.ts';
import { lockContactAddresses } from './match.ts';
import { displayName } from './name.ts';
import { ownAddressKeys } from './own-addresses.ts';

interface Entry {
  address: string;
  key: string;
}

/**
 * Gives contacts these addresses in place of those that they have, the first being the primary one; then finds the mail of the new ones. Set-wise:
 * a thousand contacts cost as many queries as one. Takes the account's address lock, so call it before anything locks rows.
 * Throws AppError: 'invalid' (no address), 'own_address' (one of a connection or a sign-in here: they never match), 'address_taken'
 * (another contact's; names it). An address belongs to one contact of an account.
 */
export async function setAddresses(
  trx: Trx,
  deps: Pick<ContactDeps, 'hashKey' | 'findLateMail'>,
  accountId: string,
  contacts: readonly { contactId: string; addresses: readonly string[] }[],
): Promise<void> {
  const wanted = contacts.map(({ contactId, addresses }) => ({ contactId, entries: read(addresses) }));
  await lockContactAddresses(trx, accountId, 'exclusive');
  refuseRepeated(wanted);
  await refuseOwn(trx, accountId, wanted);
  await refuseTaken(trx, accountId, wanted);
  const contactIds = contacts.map((contact) => contact.contactId);
  const before = await trx
    .selectFrom('contact_address')
    .select('address_key')
    .where('account_id', '=', accountId)
    .where('contact_id', '=', sql<string>`any(${contactIds}::uuid[])`)
    .execute();
  const keys = wanted.flatMap(({ entries }) => entries.map((entry) => entry.key));
  await trx
    .deleteFrom('contact_address')
    .where('account_id', '=', accountId)
    .where('contact_id', '=', sql<string>`any(${contactIds}::uuid[])`)
    .where('address_key', '<>', sql<string>`all(${keys}::text[])`)
    .execute();
  if (keys.length === 0) return;
  await write(trx, accountId, await deps.hashKey(trx, accountId), wanted);
  const known = new Set(before.map((row) => row.address_key));
  const found = wanted.filter(({ entries }) => entries.some((entry) => !known.has(entry.key)));
  if (found.length > 0)
    await deps.findLateMail(
      trx,
      accountId,
      found.map((contact) => contact.contactId),
    );
}

/** The addresses with their keys; one that is there twice counts once. */
function read(addresses: readonly string[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const [i, text] of addresses.entries()) {
    const address = text.trim();
    const key = addressKey(address);
    if (key === null) {
      throw new AppError('invalid', `“${address}” is no email address. Write it as name@example.com.`, {
        details: [{ path: `addresses.${i}`, message: 'is no email address' }],
      });
    }
    if (!entries.has(key)) entries.set(key, { address, key });
  }
  return [...entries.values()];
}

function refuseRepeated(wanted: readonly { entries: readonly Entry[] }[]): void {
  const seen = new Set<string>();
  for (const { entries } of wanted) {
    for (const { key, address } of entries) {
      if (seen.has(key)) throw taken(address, 'another contact of this list', entries);
      seen.add(key);
    }
  }
}

async function refuseOwn(trx: Trx, accountId: string, wanted: readonly { entries: readonly Entry[] }[]): Promise<void> {
  const own = await ownAddressKeys(trx, accountId);
  for (const { entries } of wanted) {
    const at = entries.findIndex((entry) => own.has(entry.key));
    if (at === -1) continue;
    throw new AppError(
      'own_address',
      `${entries[at]!.address} is an address of your own account: a connected mailbox's or the sign-in of one of its users. It can't be a contact's.`,
      {
        hint: 'Own addresses never match, since every email of that mailbox would appear in the log of the contact.',
        details: [{ path: `addresses.${at}`, message: 'is an address of your own account' }],
      },
    );
  }
}

async function refuseTaken(
  trx: Trx,
  accountId: string,
  wanted: readonly { contactId: string; entries: readonly Entry[] }[],
): Promise<void> {
  const owners = new Map(wanted.flatMap(({ contactId, entries }) => entries.map((entry) => [entry.key, contactId])));
  if (owners.size === 0) return;
  const rows = await trx
    .selectFrom('contact_address as a')
    .innerJoin('contact', (join) =>
      join.onRef('contact.account_id', '=', 'a.account_id').onRef('contact.id', '=', 'a.contact_id'),
    )
    .where('a.account_id', '=', accountId)
    .where('a.address_key', '=', sql<string>`any(${[...owners.keys()]}::text[])`)
    .select(['a.address_key', 'a.contact_id', displayName().as('name')])
    .execute();
  const other = rows.find((row) => owners.get(row.address_key) !== row.contact_id);
  if (!other) return;
  const { entries } = wanted.find(({ contactId }) => contactId === owners.get(other.address_key))!;
  throw taken(entries.find((entry) => entry.key === other.address_key)!.address, other.name, entries);
}

function taken(address: string, name: string, entries: readonly Entry[]): AppError {
  const at = entries.findIndex((entry) => entry.address === address);
  return new AppError('address_taken', `${address} already belongs to ${name}. An address belongs to one contact.`, {
    hint: 'Remove it from that contact first.',
    details: [{ path: `addresses.${at}`, message: `already belongs to ${name}` }],
  });
}

/** Those that stay keep since when they are the contact's: mail of theirs that a check repairs isn't late (sync/compare.ts). */
async function write(
  trx: Trx,
  accountId: string,
  hashKey: Buffer,
  wanted: readonly { contactId: string; entries: readonly Entry[] }[],
): Promise<void> {
  const rows = wanted.flatMap(({ contactId, entries }) =>
    entries.map((entry, position) => ({ contactId, position, ...entry, hash: keyedHash(hashKey, entry.key) })),
  );
  await sql`
    insert into contact_address (account_id, contact_id, address_key, address, hash, position)
    select ${accountId}, * from unnest(
      ${rows.map((row) => row.contactId)}::uuid[], ${rows.map((row) => row.key)}::text[], ${rows.map((row) => row.address)}::text[],
      ${rows.map((row) => row.hash)}::bytea[], ${rows.map((row) => row.position)}::int[])
    on conflict (account_id, address_key) do update set address = excluded.address, position = excluded.position`.execute(
    trx,
  );
}

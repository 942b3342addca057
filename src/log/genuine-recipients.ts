import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { addressKey } from '../mail/address.ts';

/** What the genuine copy of a message says about who got it. */
interface Genuine {
  people: readonly { role: string; address: string; key: string | null }[];
  items: readonly Named[];
}

interface Named {
  contactId: string;
  role: string;
  address: string;
}

/**
 * Takes messages, whose forged content has just been replaced, out of the logs of those whom only the forged copies named: they would read mail that they never got. Where the genuine
 * copy names somebody in another place the item says so. Nothing has fired for those who go: only a sender's mail fires, and the sender stays. Answers whose logs have changed.
 */
export async function keepGenuineRecipients(
  trx: Trx,
  accountId: string,
  genuine: ReadonlyMap<string, Genuine>,
): Promise<string[]> {
  if (genuine.size === 0) return [];
  const messageIds = [...genuine.keys()];
  const { rows: items } = await sql<{
    id: string;
    messageId: string;
    contactId: string;
    role: string;
    address: string;
  }>`
    select id, message_id as "messageId", contact_id as "contactId", matched_role as role, matched_address as address from log_item
    where account_id = ${accountId} and message_id = any(${messageIds}::uuid[])`.execute(trx);
  // Bcc belongs to each copy: that of others, which didn't fail, still counts.
  const { rows: blind } = await sql<{ messageId: string; key: string }>`
    select message_id as "messageId", address_key as key from message_participant
    where account_id = ${accountId} and message_id = any(${messageIds}::uuid[]) and role = 'bcc'`.execute(trx);
  const blindly = new Set(blind.map(({ messageId, key }) => `${messageId} ${key}`));
  const rows = items.map((item) => ({ ...item, now: placeOf(item, genuine.get(item.messageId)!, blindly) }));
  const gone = rows.filter(({ now }) => now === null);
  const moved = rows.flatMap(({ id, contactId, role, address, now }) =>
    now !== null && (now.role !== role || now.address !== address) ? [{ ...now, id, contactId }] : [],
  );
  await sql`
    delete from log_item where account_id = ${accountId} and id = any(${gone.map(({ id }) => id)}::uuid[])`.execute(
    trx,
  );
  await sql`
    update log_item li set matched_role = moved.role, matched_address = moved.address
    from unnest(${moved.map(({ id }) => id)}::uuid[], ${moved.map(({ role }) => role)}::text[], ${moved.map(({ address }) => address)}::text[])
      as moved (id, role, address)
    where li.account_id = ${accountId} and li.id = moved.id`.execute(trx);
  return [...gone, ...moved].map(({ contactId }) => contactId);
}

/** Where an item's contact stands now; null: nowhere. An excluded contact is in no item of this copy, but still takes part. */
function placeOf(
  item: Named & { messageId: string },
  { people, items }: Genuine,
  blindly: ReadonlySet<string>,
): { role: string; address: string } | null {
  const key = addressKey(item.address);
  const named =
    items.find(({ contactId }) => contactId === item.contactId) ??
    people.find((person) => person.role !== 'reply-to' && person.key !== null && person.key === key);
  if (named) return { role: named.role, address: named.address };
  return blindly.has(`${item.messageId} ${key}`) ? { role: 'bcc', address: item.address } : null;
}

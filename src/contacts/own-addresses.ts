import type { Db, Trx } from '../db/open.ts';
import { addressKey } from '../mail/address.ts';

/**
 * The keys of the account's own addresses: those of its connections, aliases too, and of its members' sign-ins. They never match a
 * contact (spec, section 5, Matching).
 */
export async function ownAddressKeys(db: Db | Trx, accountId: string): Promise<Set<string>> {
  const connected = await db
    .selectFrom('connection_address as a')
    .innerJoin('connection as c', (join) =>
      join.onRef('c.account_id', '=', 'a.account_id').onRef('c.id', '=', 'a.connection_id'),
    )
    .where('a.account_id', '=', accountId)
    .where('c.deleted_at', 'is', null)
    .select('a.address_key')
    .execute();
  const members = await db
    .selectFrom('member as m')
    .innerJoin('user as u', 'u.id', 'm.user_id')
    .where('m.account_id', '=', accountId)
    .select('u.email')
    .execute();
  const keys = new Set(connected.map((row) => row.address_key));
  for (const { email } of members) {
    const key = addressKey(email);
    if (key !== null) keys.add(key);
  }
  return keys;
}

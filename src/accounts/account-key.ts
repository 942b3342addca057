import { randomBytes } from 'node:crypto';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { Sealer } from './seal.ts';

// By sealer, since a process of the tests may hold several installations. A key never changes.
const opened = new WeakMap<Sealer, Map<string, Buffer>>();

/**
 * The account's HMAC key (32 bytes), under which strangers' addresses and Message-IDs are hashed (spec, section 5, Strangers).
 * Kept in the process once opened. Throws AppError 'internal' when the account has none or the installation's key is another one.
 */
export async function accountKey(db: Db | Trx, sealer: Sealer, accountId: string): Promise<Buffer> {
  const keys = opened.get(sealer) ?? new Map<string, Buffer>();
  opened.set(sealer, keys);
  const known = keys.get(accountId);
  if (known) return known;
  const row = await db
    .selectFrom('account_key')
    .select('sealed')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  if (!row) throw new AppError('internal', `Account ${accountId} has no key.`);
  const key = sealer.open(row.sealed, boundTo(accountId));
  keys.set(accountId, key);
  return key;
}

/** Makes the key of a new account, in the transaction that makes the account. */
export async function createAccountKey(trx: Trx, sealer: Sealer, accountId: string): Promise<void> {
  await trx
    .insertInto('account_key')
    .values({ account_id: accountId, sealed: sealer.seal(randomBytes(32), boundTo(accountId)) })
    .execute();
}

function boundTo(accountId: string): string {
  return `account-key:${accountId}`;
}

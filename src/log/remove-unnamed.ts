import { sql } from 'kysely';
import type { Blobs } from '../blobs/blobs.ts';
import { lockContactAddresses } from '../contacts/match.ts';
import type { Db, Trx } from '../db/open.ts';

/** Blobs that are removed under one hold of the lock, which pages wait for: each may be in a file of its own that is written anew. */
const mostAtOnce = 20;

/**
 * Removes the blobs that an erasure left without a message, after its commit. A page may have stored the same bytes of a large one again meanwhile, under the same key, so each is looked at
 * once more under the account's exclusive address lock; a page looks whether its blobs are still there under the shared one (sync/store.ts). One that can't
 * be removed is an orphan and no failure of the erasure, which has happened.
 */
export async function removeUnnamed(
  db: Db,
  blobs: Pick<Blobs, 'remove'>,
  accountId: string,
  keys: readonly string[],
): Promise<void> {
  // What lies in one file stands together, which is written anew without it.
  const sorted = [...keys].sort();
  for (let at = 0; at < sorted.length; at += mostAtOnce) {
    const some = sorted.slice(at, at + mostAtOnce);
    await db
      .transaction()
      .execute((trx) => remove(trx, blobs, accountId, some))
      .catch(() => {});
  }
}

async function remove(trx: Trx, blobs: Pick<Blobs, 'remove'>, accountId: string, keys: readonly string[]) {
  await lockContactAddresses(trx, accountId, 'exclusive');
  await blobs.remove(accountId, await unnamedAmong(trx, accountId, keys));
}

/** Those of the keys that no message names. */
export async function unnamedAmong(db: Db | Trx, accountId: string, keys: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ raw: string }>`
    select distinct raw from message where account_id = ${accountId} and raw = any(${keys}::text[])`.execute(db);
  const named = new Set(rows.map((row) => row.raw));
  return keys.filter((key) => !named.has(key));
}

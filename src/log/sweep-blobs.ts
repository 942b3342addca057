import type { Blobs } from '../blobs/blobs.ts';
import type { Db } from '../db/open.ts';
import { removeUnnamed, unnamedAmong } from './remove-unnamed.ts';

/** Milliseconds. A page is stored and committed within minutes; the rest is for whoever started on an older backup of the database, and notices. */
const forgottenAfter = 7 * 24 * 60 * 60 * 1000;

/**
 * Removes raw messages that no message names: of pages that were fetched and never committed, since the process or the connection broke, and what an erasure could not remove.
 * What belongs to an account that this database doesn't know isn't touched.
 */
export async function sweepBlobs(
  db: Db,
  blobs: Pick<Blobs, 'remove' | 'storedBefore'>,
  end: AbortSignal,
): Promise<void> {
  const accounts = new Set((await db.selectFrom('account').select('id').execute()).map(({ id }) => id));
  for await (const { accountId, keys } of blobs.storedBefore(new Date(Date.now() - forgottenAfter))) {
    if (end.aborted) return;
    if (!accounts.has(accountId)) continue;
    const unnamed = await unnamedAmong(db, accountId, keys);
    if (unnamed.length > 0) await removeUnnamed(db, blobs, accountId, unnamed);
  }
}

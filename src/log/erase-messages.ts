import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Blobs } from '../blobs/blobs.ts';
import { lockContactAddresses } from '../contacts/match.ts';
import type { Db, Trx } from '../db/open.ts';
import { repeating } from '../db/repeat.ts';
import { createTurns } from '../turns.ts';
import { removeUnnamed, unnamedAmong } from './remove-unnamed.ts';

/** Messages that are erased under one hold of the address lock: pages and changes of contacts wait for it. */
export const messagesOfStep = 250;

/** Steps of a process. Of an account one at a time: many erasures beside each other would leave no gap in which its pages get at the lock. */
const inTurn = createTurns(4, 1);

/**
 * One step of an erasure: `erase` in a transaction of its own under the account's exclusive address lock, since another mailbox's page may be about to share one of the
 * messages; then the blobs that it answers, which nothing names any more. It ends with a rest, in which those come in who don't wait for the lock but try again. Throws the reason of `stop`,
 * if it is stopped before it begins or while it rests.
 */
export async function eraseStep(
  db: Db,
  blobs: Pick<Blobs, 'remove'>,
  accountId: string,
  erase: (trx: Trx) => Promise<string[]>,
  stop?: AbortSignal,
): Promise<void> {
  let began = 0;
  const step = async (trx: Trx) => {
    await lockContactAddresses(trx, accountId, 'exclusive');
    began = performance.now();
    return await erase(trx);
  };
  await inTurn(accountId, async () => {
    stop?.throwIfAborted();
    const unnamed = await repeating(() => db.transaction().execute(step));
    const held = performance.now() - began;
    await removeUnnamed(db, blobs, accountId, unnamed);
    await sleep(held / 4, undefined, { signal: stop });
  });
}

/** Deletes messages with all that hangs on them. Their sightings must be gone, or name them no more. Answers the keys of blobs that nothing names any more. */
export async function deleteMessages(trx: Trx, accountId: string, messageIds: readonly string[]): Promise<string[]> {
  if (messageIds.length === 0) return [];
  const { rows: deleted } = await sql<{ raw: string | null; thread: string | null }>`
    delete from message where account_id = ${accountId} and id = any(${messageIds}::uuid[])
    returning raw, thread_key as thread`.execute(trx);
  await removeEmptyThreads(
    trx,
    accountId,
    deleted.map((row) => row.thread),
  );
  const keys = [...new Set(deleted.flatMap((row) => row.raw ?? []))];
  return await unnamedAmong(trx, accountId, keys);
}

/** Of these threads those that have no message any more. */
export async function removeEmptyThreads(trx: Trx, accountId: string, keys: readonly (string | null)[]): Promise<void> {
  await sql`
    delete from thread
    where account_id = ${accountId} and key = any(${[...new Set(keys.filter((key) => key !== null))]}::bigint[])
      and not exists (select from message kept where kept.account_id = thread.account_id and kept.thread_key = thread.key)`.execute(
    trx,
  );
}

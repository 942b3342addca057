import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { sqlState } from '../db/repeat.ts';
import { AppError } from '../errors.ts';
import { removeUnnamed } from '../log/remove-unnamed.ts';
import type { Cursor, Page } from '../providers/provider.ts';
import type { Candidate } from './candidate.ts';
import { Fenced, inHold } from './hold.ts';
import type { Hold } from './hold.ts';
import { beginEpoch, carryOver, markVanished } from './ledger.ts';
import { nothingStored, storeCandidates } from './store.ts';
import type { Stored } from './store.ts';
import type { SyncStream } from './streams.ts';

/** What one transaction takes in: a page, or a part of a large one (then only the last part moves the cursor). */
export interface Intake {
  candidates: Candidate[];
  vanished: Page['vanished'];
  reset: Page['reset'];
  /** From where to where the stream's cursor goes; null: it stays. */
  advance: { from: Cursor | null; to: Cursor } | null;
}

/**
 * One page, one transaction (invariant 2): ledger rows, messages, log items, firings, jobs and the new cursor commit together or not at all. A message that
 * can't be stored by itself is found and quarantined; it doesn't block the rest. Throws Fenced when the connection or the cursor is no longer ours.
 */
export async function ingest(hold: Hold, stream: SyncStream, intake: Intake): Promise<Stored> {
  const { candidates } = intake;
  const store = () => inHold(hold, (trx) => takeIn(trx, hold, stream, intake), candidates);
  const stored = await storing(hold, candidates, store);
  await removeUnnamed(hold.db, hold.blobs, hold.accountId, stored.unnamed);
  for (const { place } of candidates) stream.folders.get(place.folder)!.epoch = place.epoch;
  return stored;
}

/** PostgreSQL's code (its manual, appendix A). */
const foreignKeyViolation = '23503';

/** Runs a transaction that stores these candidates; where one of them is refused, again with that one quarantined. */
export async function storing<T>(hold: Hold, candidates: readonly Candidate[], store: () => Promise<T>): Promise<T> {
  try {
    return await store().catch((error: unknown) => {
      // A message that was found has just been removed (removeUnseen): it isn't found again. What it needs then is seen anew.
      if (sqlState(error) !== foreignKeyViolation) throw error;
      return store();
    });
  } catch (error) {
    if (!isPoison(error)) throw error;
    await quarantineRefused(hold, candidates, error);
    return await store();
  }
}

async function takeIn(trx: Trx, hold: Hold, stream: SyncStream, intake: Intake): Promise<Stored> {
  if (intake.advance) await moveCursor(trx, hold, stream, intake.advance, intake.candidates.length > 0);
  const { reset } = intake;
  const folder = reset && stream.folders.get(reset.folder);
  if (folder) folder.unsteady = await beginEpoch(trx, hold.accountId, folder.id, reset);
  else await noteEpochs(trx, hold, stream, intake.candidates);
  await markVanished(
    trx,
    hold.accountId,
    intake.vanished.flatMap((place) => {
      const known = stream.folders.get(place.folder);
      return known ? [{ folderId: known.id, place }] : [];
    }),
  );
  if (intake.candidates.length === 0) return nothingStored;
  await carryOver(
    trx,
    hold.accountId,
    intake.candidates.filter(({ place }) => stream.folders.get(place.folder)?.unsteady),
  );
  return await storeCandidates(trx, hold, intake.candidates);
}

async function moveCursor(
  trx: Trx,
  hold: Hold,
  stream: SyncStream,
  { from, to }: { from: Cursor | null; to: Cursor },
  news: boolean,
): Promise<void> {
  const { rows } = await sql`
    update stream set cursor = ${to}, last_synced_at = now(), error = null, error_since = null,
      last_mail_at = case when ${news} then now() else last_mail_at end
    where account_id = ${hold.accountId} and id = ${stream.id} and cursor is not distinct from ${from}::text returning 1`.execute(
    trx,
  );
  if (rows.length === 0) throw new Fenced();
}

/** A folder's first epoch comes without a reset. */
export async function noteEpochs(
  trx: Trx,
  hold: Hold,
  stream: SyncStream,
  candidates: readonly Candidate[],
): Promise<void> {
  const epochs = new Map(candidates.map(({ place }) => [place.folder, place.epoch]));
  for (const [ref, epoch] of epochs) {
    const folder = stream.folders.get(ref)!;
    if (folder.epoch === epoch) continue;
    await sql`update folder set epoch = ${epoch} where account_id = ${hold.accountId} and id = ${folder.id}`.execute(
      trx,
    );
  }
}

/** Marks those candidates that can't be stored: halves are tried, in transactions that are rolled back, until single ones are found. */
async function quarantineRefused(hold: Hold, candidates: readonly Candidate[], error: unknown): Promise<void> {
  const refused = candidates.filter((candidate) => candidate.failure?.rule !== 'store_failed');
  // Nobody to blame: it isn't a message.
  if (refused.length === 0) throw error;
  await bisect(hold, refused, error);
}

async function bisect(hold: Hold, candidates: readonly Candidate[], error: unknown): Promise<void> {
  if (candidates.length === 1) {
    candidates[0]!.failure = { rule: 'store_failed', error: describe(error) };
    candidates[0]!.content = null;
    return;
  }
  const middle = candidates.length >> 1;
  let blamed = false;
  for (const half of [candidates.slice(0, middle), candidates.slice(middle)]) {
    const reason = await rehearse(hold, half);
    if (reason === null) continue;
    blamed = true;
    await bisect(hold, half, reason);
  }
  // Each half alone can be stored: they refuse each other. The second half waits.
  if (!blamed)
    for (const one of candidates.slice(middle)) one.failure = { rule: 'store_failed', error: describe(error) };
}

/** Why these can't be stored, or null. */
async function rehearse(hold: Hold, candidates: readonly Candidate[]): Promise<unknown> {
  const done = new Error('rehearsed');
  try {
    await inHold(
      hold,
      async (trx) => {
        await storeCandidates(trx, hold, candidates);
        throw done;
      },
      candidates,
    );
  } catch (error) {
    if (error === done) return null;
    if (isPoison(error)) return error;
    throw error;
  }
  return null;
}

/** Refused because of what is stored, as opposed to a database that is out of reach. Classes: cardinality, data, constraint, limits. */
function isPoison(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) return ['21', '22', '23', '54'].includes(state.slice(0, 2));
  return error instanceof TypeError || error instanceof RangeError || error instanceof AppError;
}

/** PostgreSQL's own message may repeat what was to be stored. */
function describe(error: unknown): string {
  const state = sqlState(error);
  return state === null ? 'It could not be stored.' : `The database refused it (${state}).`;
}

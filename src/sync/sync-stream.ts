import type { Mailbox, Page } from '../providers/provider.ts';
import type { Candidate } from './candidate.ts';
import { candidatesOf, tolerantStart } from './candidate.ts';
import { Bodies, fetchEach, keepLarge } from './fetch-bodies.ts';
import type { Suspects } from './fetch-bodies.ts';
import type { Hold } from './hold.ts';
import { ingest } from './ingest.ts';
import type { Intake } from './ingest.ts';
import { inParts, mostBytes, mostPeople, weightOf } from './parts.ts';
import { mayBeConfirmed } from './store.ts';
import { asStream, loadStreams } from './streams.ts';
import type { SyncStream } from './streams.ts';
import { wantedBodies } from './wanted.ts';

export interface Synced {
  /** Sightings that are new in the ledger. */
  listed: number;
  /** Some of its rows are to be decided anew at once. */
  due: boolean;
}

/**
 * Takes in what changed in a stream since its cursor, page by page. While a page is committed, the next ones are fetched, and are committed together when its turn is over:
 * so few transactions when much is to be done, and no waiting when little is. Memory is bounded by batches. Throws ProviderError, Fenced, or what the
 * database throws; then some pages are committed, the others not at all, and the next call goes on from there. `onCommit` is called after each commit.
 */
export async function syncStream(
  hold: Hold,
  mailbox: Mailbox,
  ref: string,
  suspects: Suspects,
  onCommit: () => Promise<void> = async () => {},
): Promise<Synced> {
  const synced: Synced = { listed: 0, due: false };
  // Read anew each time: after a commit whose answer was lost only the database knows the cursor.
  const [stream] = await loadStreams(hold.live, hold.accountId, hold.connectionId, ref);
  if (!stream) return synced;
  let busy = false;
  const commit = async (batch: Batch) => {
    busy = true;
    try {
      await batch.bodies.ready();
      share(hold, batch.intake.candidates);
      const stored = await ingest(hold, stream, batch.intake);
      synced.listed += stored.logged + stored.skipped + stored.quarantined;
      synced.due ||= stored.due;
      await onCommit();
    } finally {
      busy = false;
    }
  };
  let committing: Promise<void> = Promise.resolve();
  let batch: Batch | null = null;
  const flush = async () => {
    if (batch === null) return;
    await committing;
    committing = commit(batch);
    batch = null;
    // Its turn to be awaited comes; until then its failure must not count as unhandled.
    committing.catch(() => {});
  };
  try {
    for await (const next of ahead(intakes(hold, mailbox, stream))) {
      if (batch !== null && !fits(batch, next)) await flush();
      batch = batch === null ? { ...next, bodies: new Bodies(hold) } : merge(batch, next);
      await fetchBodies(hold, mailbox, next.wanted, suspects, batch.bodies);
      if (!busy) await flush();
    }
    await flush();
  } finally {
    await (batch as Batch | null)?.bodies.parsed().catch(() => {});
    await committing;
  }
  return synced;
}

interface Prepared {
  intake: Intake;
  wanted: Candidate[];
  /** Of the wanted bodies. */
  bytes: number;
  /** Who take part in the sightings, added up. */
  people: number;
}

type Batch = Prepared & { bodies: Bodies };

const mostSightings = 2000;

function fits(batch: Batch, next: Prepared): boolean {
  // An epoch and what has vanished come before what is listed after them.
  if (next.intake.reset || next.intake.vanished.length > 0) return false;
  const sightings = batch.intake.candidates.length + next.intake.candidates.length;
  return (
    sightings <= mostSightings && batch.bytes + next.bytes <= mostBytes && batch.people + next.people <= mostPeople
  );
}

function merge(batch: Batch, next: Prepared): Batch {
  const [a, b] = [batch.intake.advance, next.intake.advance];
  const intake = {
    ...batch.intake,
    candidates: [...batch.intake.candidates, ...next.intake.candidates],
    advance: a && b ? { from: a.from, to: b.to } : (b ?? a),
  };
  return { ...batch, intake, bytes: batch.bytes + next.bytes, people: batch.people + next.people };
}

async function* intakes(hold: Hold, mailbox: Mailbox, stream: SyncStream): AsyncGenerator<Prepared> {
  let from = stream.cursor;
  for await (const page of pages(hold, mailbox, stream)) {
    const candidates = await candidatesOf(hold, mailbox, stream, page.listed);
    const bodies = new Set(await wantedBodies(hold, candidates));
    const parts = inParts(candidates, bodies);
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1;
      yield {
        intake: {
          candidates: part,
          vanished: i === 0 ? page.vanished : [],
          reset: i === 0 ? page.reset : undefined,
          advance: last && page.cursor !== null ? { from, to: page.cursor } : null,
        },
        wanted: part.filter((one) => bodies.has(one)),
        bytes: part.reduce((sum, one) => sum + (bodies.has(one) ? weightOf(one) : 0), 0),
        people: part.reduce((sum, one) => sum + one.people.length, 0),
      };
    }
    from = page.cursor ?? from;
  }
}

/** Prepares the next one while the last is being used. */
export async function* ahead<T>(iterable: AsyncIterable<T>): AsyncGenerator<T> {
  const items = iterable[Symbol.asyncIterator]();
  try {
    let next = items.next();
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = items.next();
      // Its error is thrown when its turn comes; if it never does, nobody needs it.
      next.catch(() => {});
      yield item.value;
    }
  } finally {
    await items.return?.().catch(() => {});
  }
}

/** A page whose cursor is null belongs to a listing that another page ends. */
async function* pages(
  hold: Hold,
  mailbox: Mailbox,
  stream: SyncStream,
): AsyncIterable<Omit<Page, 'cursor'> & { cursor: string | null }> {
  const cursor = stream.cursor ?? stream.startCursor;
  const since = cursor === '' ? earliest(hold) : startingOverFrom(hold, stream);
  if (cursor !== '') {
    yield* mailbox.changes(asStream(stream), cursor, since);
    return;
  }
  // Made after the connection's start: all that it holds is listed once, and the cursor is from before the listing.
  const start = await mailbox.start(asStream(stream));
  for (const folder of stream.folders.values()) {
    if (!folder.chosen) continue;
    for await (const listed of mailbox.list(
      { ref: folder.ref, name: folder.ref, role: folder.role, selectable: true },
      { since },
    ))
      yield { listed, vanished: [], cursor: null };
  }
  yield { listed: [], vanished: [], cursor: start };
}

/** From when on the ledger has what the mailbox holds: a listing that starts over goes back as far. */
export function earliest(hold: Pick<Hold, 'startedAt' | 'history'>): Date {
  const asked = hold.history.map(({ since }) => since?.getTime() ?? 0);
  return new Date(Math.min(tolerantStart(hold).getTime(), ...asked));
}

/** An unsteady folder would be listed from the connection's start again and again. What is older there is found by the daily check. */
function startingOverFrom(hold: Hold, { folders, lastSyncedAt }: SyncStream): Date {
  const since = earliest(hold);
  if (lastSyncedAt === null || ![...folders.values()].some(({ unsteady }) => unsteady)) return since;
  return new Date(Math.max(since.getTime(), lastSyncedAt.getTime() - week));
}

const week = 7 * 86_400_000;

/** Fetches the bodies; keeping and parsing them goes on in `bodies`. Several copies of a message need it once. */
async function fetchBodies(
  hold: Hold,
  mailbox: Mailbox,
  candidates: readonly Candidate[],
  suspects: Suspects,
  bodies: Bodies,
): Promise<void> {
  const first = new Map<string, Candidate>();
  for (const one of candidates) {
    const key = contentKey(hold, one);
    if (!first.has(key)) first.set(key, one);
  }
  const wanted = [...first.values()];
  const places = wanted.map(({ place, size, receivedAt }) => ({ ...place, size, receivedAt }));
  await fetchEach(mailbox, places, suspects, async (index, arrival) => {
    const candidate = wanted[index]!;
    if ('rule' in arrival) {
      candidate.failure = arrival;
      return;
    }
    const { raw } = arrival;
    if (Buffer.isBuffer(raw)) await bodies.keep(candidate, raw);
    else await keepLarge(hold, candidate, raw);
  });
}

/** Fetches the bodies, has all of them parsed, and those that are kept on their way to the disk. */
export async function fetchAll(
  hold: Hold,
  mailbox: Mailbox,
  candidates: readonly Candidate[],
  suspects: Suspects,
): Promise<void> {
  const bodies = new Bodies(hold);
  try {
    await fetchBodies(hold, mailbox, candidates, suspects, bodies);
    await bodies.ready();
  } finally {
    await bodies.parsed();
  }
}

/** One whose sender could not be confirmed may say something else than the others. */
const contentKey = (hold: Hold, one: Candidate) => `${one.identity!} ${mayBeConfirmed(hold, one)}`;

/** Copies of a message within a page share what was fetched of it. */
export function share(hold: Hold, candidates: readonly Candidate[]): void {
  const fetched = new Map<string, Candidate>();
  const sources = new Set<string>();
  for (const one of candidates) {
    if (!one.identity || !(one.content || one.failure)) continue;
    sources.add(one.identity);
    const key = contentKey(hold, one);
    // What could be had in one folder isn't given up for a failure in another.
    if (one.content || !fetched.has(key)) fetched.set(key, one);
  }
  for (const one of candidates) {
    const source = one.identity && sources.has(one.identity) && fetched.get(contentKey(hold, one));
    if (!source || one === source) continue;
    one.content = source.content;
    one.failure = source.failure;
  }
}

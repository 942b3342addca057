import { type Cursor, EpochChanged, type Page, type Place, ProviderError } from '../provider.ts';
import {
  advance,
  compare,
  epochOf,
  cursorIn,
  type ImapCursor,
  type Naming,
  namingIn,
  readCursor,
  type Seen,
  turnedBack,
  writeCursor,
} from './cursor.ts';
import { HeadReader, type Heads, mostHeads } from './heads.ts';
import { cursorNow, look, uidsSince } from './look.ts';
import type { Sessions } from './sessions.ts';

export interface ChangesOptions {
  cursor: Cursor;
  since: Date;
  /** The watching connection told of news: UIDVALIDITY and UIDNEXT need not be asked for. */
  woken: boolean;
}

/**
 * What is new in a folder, by UID alone; one page at a time is read ahead while the last one is being worked on. Where the UIDs have become void
 * (UIDVALIDITY, or UIDs given out twice), a page with `reset` begins the listing of all messages since `since` under the new epoch. So it does, under the epoch
 * that the folder has, where the cursor can't be read.
 */
export async function* changes(sessions: Sessions, folder: string, options: ChangesOptions): AsyncGenerator<Page> {
  const known = cursorIn(options.cursor);
  let { cursor, begins }: Listing = known ? { cursor: known } : await anew(sessions, folder, options);
  let fresh = !options.woken;
  for (let renewals = 0; ;) {
    try {
      if (cursor.relist) {
        for await (const page of relist(sessions, folder, cursor, begins)) {
          begins = undefined;
          cursor = readCursor(page.cursor);
          yield page;
        }
        // Some servers number a folder anew whenever it is opened: what has just been listed is as good as can be.
        fresh = false;
      }
      const seen = await look(sessions, folder, cursor.low, { fresh });
      if (seen.uidValidity === cursor.uidValidity && !turnedBack(cursor, seen)) {
        yield* pages(sessions, folder, cursor, seen);
        return;
      }
      // Courier does so as long as a folder has never held anything.
      if (seen.exists === 0 && cursor.exists === 0 && seen.uidValidity !== cursor.uidValidity) return;
    } catch (error) {
      if (!(error instanceof EpochChanged)) throw error;
    }
    renewals += 1;
    if (renewals > 3) throw new ProviderError('protocol', `The server keeps renumbering the folder ${folder}.`);
    const now = await cursorNow(sessions, folder, cursor);
    ({ cursor, begins } = relisting(folder, now, cursor, options.since));
    if (now.exists === 0) {
      yield { listed: [], vanished: [], cursor: writeCursor(now), reset: begins };
      return;
    }
  }
}

interface Listing {
  cursor: ImapCursor;
  /** The epoch that a listing of the folder begins with. */
  begins?: Page['reset'];
}

function relisting(folder: string, now: ImapCursor, before: Naming, since: Date): Listing {
  return {
    cursor: { ...now, exists: -1, relist: { since: since.toISOString(), after: 0, below: now.uidNext } },
    begins: { folder, epoch: epochOf(now), ...(isBefore(now, before) ? { backwards: true } : {}) },
  };
}

/** Where a cursor can't be read but for its epoch. Under the same numbering that goes on, so that what is in the ledger is known by its place. */
async function anew(sessions: Sessions, folder: string, options: ChangesOptions): Promise<Listing> {
  const named = namingIn(options.cursor);
  const now = await cursorNow(sessions, folder, named);
  return relisting(folder, now.uidValidity === named.uidValidity ? { ...now, ...named } : now, named, options.since);
}

const isBefore = (now: Naming, before: Naming) => BigInt(now.uidValidity) < BigInt(before.uidValidity);

async function* pages(sessions: Sessions, folder: string, cursor: ImapCursor, seen: Seen): AsyncGenerator<Page> {
  const { added, vanished } = compare(cursor, seen);
  const epoch = epochOf(cursor);
  let at = 0;
  let current = cursor;
  let gone = vanished;
  for await (const heads of readAhead(new HeadReader(sessions, folder, epoch), added)) {
    const done = added.slice(at, at + heads.count);
    at += heads.count;
    current = advance(current, seen, { listed: done, removed: [...gone, ...heads.gone], next: added[at] ?? null });
    yield {
      listed: heads.listed,
      vanished: [...gone, ...heads.gone].map((uid) => placeOf(folder, epoch, uid)),
      cursor: writeCursor(current),
    };
    gone = [];
  }
  if (added.length > 0) return;
  const next = writeCursor(advance(cursor, seen, { listed: [], removed: gone, next: null }));
  if (gone.length > 0 || next !== writeCursor(cursor))
    yield { listed: [], vanished: gone.map((uid) => placeOf(folder, epoch, uid)), cursor: next };
}

async function* relist(
  sessions: Sessions,
  folder: string,
  cursor: ImapCursor,
  begins: Page['reset'],
): AsyncGenerator<Page> {
  const { relist: bounds, ...rest } = cursor;
  if (!bounds) return;
  const epoch = epochOf(cursor);
  const found = await uidsSince(sessions, folder, { since: new Date(bounds.since) }, !begins);
  if (found.uidValidity !== cursor.uidValidity) throw new EpochChanged();
  const uids = found.uids.filter((uid) => uid > bounds.after && uid < bounds.below);
  const reset = begins ? { reset: begins } : {};
  if (uids.length === 0) yield { listed: [], vanished: [], cursor: writeCursor(rest), ...reset };
  let at = 0;
  for await (const heads of readAhead(new HeadReader(sessions, folder, epoch), uids)) {
    const first = at === 0;
    at += heads.count;
    const after = uids[at - 1] as number;
    const next = at < uids.length ? { ...rest, relist: { ...bounds, after } } : rest;
    yield { listed: heads.listed, vanished: [], cursor: writeCursor(next), ...(first ? reset : {}) };
  }
}

/** Reads all heads, the next page while the last is being used. */
export async function* readAhead(reader: HeadReader, uids: number[]): AsyncGenerator<Heads & { count: number }> {
  // There may be a million of them: only what is asked for is copied.
  let at = 0;
  const read = () => (at < uids.length ? reader.read(uids.slice(at, at + mostHeads)) : null);
  let next = read();
  while (next) {
    const heads = await next;
    at += heads.count;
    next = read();
    // Its error is thrown when its turn comes; if it never does, nobody needs it.
    next?.catch(() => undefined);
    yield heads;
  }
}

function placeOf(folder: string, epoch: string, uid: number): Place {
  return { folder, epoch, ref: String(uid) };
}

import { z } from 'zod';
import { ProviderError } from '../provider.ts';
import { packUids, unpackUids } from './ranges.ts';

/** How many of the newest UIDs are listed again in each pass: servers reveal UIDs late. */
export const windowSize = 200;

const uid = z.number().int().min(0).max(0xffff_ffff);
/** One above the highest UID is no UID, but may be UIDNEXT. */
const above = z.number().int().min(0).max(0x1_0000_0000);
const uidValidity = z.string().regex(/^\d{1,20}$/);

const naming = z.object({
  v: z.literal(1),
  uidValidity,
  /**
   * Counts epochs that share one UIDVALIDITY: the server went back to an earlier one, or gives out UIDs a second time (it was restored from a
   * backup). The epoch is "UIDVALIDITY", then "UIDVALIDITY.1" ..., so that a UID given out twice is never taken for the message that had it first.
   */
  generation: z.number().int().min(0).default(0),
  /** Earlier UIDVALIDITYs of the folder. */
  past: z.array(uidValidity).max(20).default([]),
});

const shape = naming.extend({
  /** Above every UID seen so far. */
  uidNext: above,
  /** The number of messages when it was taken; -1 when a pass was not finished. */
  exists: z.number().int().min(-1),
  /** All UIDs below were known; from here on those in `recent` are, and no others. */
  low: uid,
  recent: z
    .string()
    .regex(/^(?:\d{1,10}(?::\d{1,10})?(?:,\d{1,10}(?::\d{1,10})?)*)?$/)
    .max(200_000),
  /** The server's own id of the folder, which stays when it is renamed (OBJECTID, RFC 8474, 7). One that is too long is none: the folder can be read without. */
  mailboxId: z.string().min(1).max(255).optional().catch(undefined),
  /** An epoch that is still being listed anew: messages since `since` with UIDs after `after` and below `below`. */
  relist: z.object({ since: z.iso.datetime(), after: uid, below: above }).optional(),
});

export type ImapCursor = Omit<z.infer<typeof shape>, 'recent'> & { recent: number[] };

/** What the epochs of a folder are called by. */
export type Naming = Pick<ImapCursor, 'uidValidity' | 'generation' | 'past'>;

/** Throws ProviderError 'protocol', `folderOnly`, for what readCursor would refuse: the server gives numbers that no server may give (RFC 9051, 2.3.1.1), or no UIDVALIDITY. */
export function writeCursor(cursor: ImapCursor): string {
  const { data, error } = shape.safeParse({ ...cursor, recent: packUids(cursor.recent) });
  if (error)
    throw new ProviderError('protocol', 'The server numbers the messages of this folder as no server may.', {
      cause: error,
      folderOnly: true,
    });
  return JSON.stringify(data);
}

/** Throws ProviderError 'protocol' when it is no cursor of this adapter. */
export function readCursor(text: string): ImapCursor {
  const cursor = cursorIn(text);
  if (!cursor) throw unreadable();
  return cursor;
}

/** As readCursor; null: it can't be read. */
export function cursorIn(text: string): ImapCursor | null {
  const { data } = shape.safeParse(parsed(text));
  return data ? { ...data, recent: unpackUids(data.recent) } : null;
}

/** What can still be said of a cursor that can't be read. Throws as readCursor: an epoch that is guessed could be one that other messages had. */
export function namingIn(text: string): Naming {
  const { data } = naming.safeParse(parsed(text));
  if (!data) throw unreadable();
  const { uidValidity, generation, past } = data;
  return { uidValidity, generation, past };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function unreadable(): ProviderError {
  return new ProviderError('protocol', 'The saved position in this folder can not be read.');
}

export function epochOf(cursor: { uidValidity: string; generation: number }): string {
  return cursor.generation === 0 ? cursor.uidValidity : `${cursor.uidValidity}.${cursor.generation}`;
}

export function uidValidityOf(epoch: string): string {
  return epoch.split('.')[0] ?? '';
}

/** What the folder shows from `low` on. `uidNext` is null where the server was not asked anew, or does not say. */
export interface Seen {
  uids: number[];
  uidNext: number | null;
  exists: number;
}

/** UIDs of the window that are new, and those that were there and are not. */
export function compare(cursor: ImapCursor, seen: Seen): { added: number[]; vanished: number[] } {
  const known = new Set(cursor.recent);
  const present = new Set(seen.uids);
  return {
    added: seen.uids.filter((entry) => entry >= cursor.low && !known.has(entry)),
    vanished: cursor.recent.filter((entry) => !present.has(entry)),
  };
}

/**
 * The server gives out UIDs a second time: its UIDNEXT is lower than what was seen, and the messages above it are gone. (While they are still
 * there, UIDNEXT is merely wrong.)
 */
export function turnedBack(cursor: ImapCursor, seen: Seen): boolean {
  const { uidNext } = seen;
  return uidNext !== null && uidNext < cursor.uidNext && !seen.uids.some((entry) => entry >= uidNext);
}

/**
 * The cursor after a page: `listed` of the new UIDs (ascending) are known, `removed` are no longer there, `next` is the lowest that is not listed yet. It and those after it stay above
 * `low` and outside `recent`, whatever else is known above them.
 */
export function advance(
  cursor: ImapCursor,
  seen: Seen,
  page: { listed: number[]; removed: number[]; next: number | null },
): ImapCursor {
  const removed = new Set(page.removed);
  const known = [...cursor.recent, ...page.listed].filter((entry) => !removed.has(entry)).sort((a, b) => a - b);
  const windowLow = known.length > windowSize ? known[known.length - windowSize]! : cursor.low;
  const low = Math.min(windowLow, page.next ?? windowLow);
  const last = Math.max(0, ...page.listed.slice(-1), ...known.slice(-1));
  const done = page.next === null;
  return {
    ...cursor,
    low,
    recent: known.filter((entry) => entry >= low),
    uidNext: Math.max(cursor.uidNext, last + 1, done ? (seen.uidNext ?? 0) : 0),
    exists: done ? seen.exists : -1,
  };
}

/** Pure: see Mailbox.predates. */
export function predates(cursor: ImapCursor, place: { epoch: string; ref: string }): boolean | 'unknown' {
  if (place.epoch !== epochOf(cursor) || cursor.relist) return 'unknown';
  const entry = Number(place.ref);
  if (entry < cursor.low) return true;
  return entry < cursor.uidNext && cursor.recent.includes(entry);
}

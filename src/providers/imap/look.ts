import type { ImapFlow, MailboxObject } from 'imapflow';
import { epochOf, type ImapCursor, type Naming, readCursor, type Seen, windowSize, writeCursor } from './cursor.ts';
import { searchFrom, searchUids } from './search.ts';
import type { RunOptions, Sessions } from './sessions.ts';
import { toDate } from './translate.ts';

const day = 86_400_000;

export interface Look extends Seen {
  uidValidity: string;
}

/** What the folder shows from `low` on. `fresh`: ask for UIDVALIDITY and UIDNEXT anew, too; `aside`: as Sessions.run. */
export function look(
  sessions: Sessions,
  folder: string,
  low: number,
  { fresh, aside }: Pick<RunOptions, 'fresh' | 'aside'>,
): Promise<Look> {
  return sessions.run(
    folder,
    async (client, mailbox) => {
      const state = mailbox as MailboxObject;
      const uidNext = fresh ? (state.uidNext ?? null) : null;
      const uids = state.exists === 0 ? [] : await uidsFrom(client, state, Math.max(1, low));
      // "n:*" gives the last message even when it lies below n (RFC 9051, 9, seq-range).
      return {
        uidValidity: String(state.uidValidity),
        uidNext,
        exists: state.exists,
        uids: uids.filter((uid) => uid >= low),
      };
    },
    { fresh, aside },
  );
}

/** A cursor at the folder's end: what is there now is known. `before` keeps count of what the folder was. Throws as writeCursor. */
export function cursorNow(sessions: Sessions, folder: string, before?: Naming): Promise<ImapCursor> {
  return sessions.run(
    folder,
    async (client, mailbox) => {
      const state = mailbox as MailboxObject;
      const first = Math.max(1, state.exists - windowSize + 1);
      const newest = state.exists === 0 ? [] : await uidsOf(client, `${first}:*`, false);
      // What arrived since the folder was opened is not known yet.
      const uids = newest.filter((uid) => !state.uidNext || uid < state.uidNext);
      const cursor: ImapCursor = {
        v: 1,
        ...naming(String(state.uidValidity), before),
        uidNext: Math.max(state.uidNext ?? 0, (uids.at(-1) ?? 0) + 1),
        exists: state.exists,
        low: first === 1 ? 1 : (uids[0] ?? 1),
        recent: uids,
        ...(state.mailboxId ? { mailboxId: state.mailboxId } : {}),
      };
      // Refused here where it can't be kept: nothing is listed under an epoch that is none.
      return readCursor(writeCursor(cursor));
    },
    { fresh: true },
  );
}

/** The epoch's name: one that the folder never had before. */
function naming(uidValidity: string, before: Naming | undefined) {
  if (!before) return { uidValidity, generation: 0, past: [] };
  const again = before.uidValidity === uidValidity || before.past.includes(uidValidity);
  const past = [...new Set([...before.past, before.uidValidity])].slice(-20);
  // The number is never taken back: A, A.1, B.1, A.2.
  return { uidValidity, generation: before.generation + (again ? 1 : 0), past };
}

/**
 * UIDs of the folder's messages since a day before `since`, ascending. The server's SEARCH counts in days of its own time zone. `fresh`: open the folder anew, so that
 * UIDVALIDITY is that of now.
 */
export function uidsSince(
  sessions: Sessions,
  folder: string,
  range: { since: Date; until?: Date },
  fresh = true,
): Promise<{ uidValidity: string; uids: number[] }> {
  // From the beginning of time means all: servers have their own ideas of dates before it.
  const since = range.since.getTime() > 0 ? new Date(range.since.getTime() - day) : undefined;
  const before = range.until && new Date(range.until.getTime() + 2 * day);
  return sessions.run(
    folder,
    async (client, mailbox) => {
      const state = mailbox as MailboxObject;
      const uidValidity = String(state.uidValidity);
      if (state.exists === 0) return { uidValidity, uids: [] };
      const found = await searchUids(client, state, since || before ? { since, before } : { all: true });
      if (found) return { uidValidity, uids: found };
      // A server that refuses to search.
      const received = new Map<number, Date | null>();
      for await (const row of client.fetch('1:*', { uid: true, internalDate: true }, { uid: true }))
        received.set(row.uid, toDate(row.internalDate) ?? received.get(row.uid) ?? null);
      const within = (date: Date | null) => date === null || ((!since || date >= since) && (!before || date < before));
      const uids = [...received].filter(([, date]) => within(date)).map(([uid]) => uid);
      return { uidValidity, uids: uids.sort((a, b) => a - b) };
    },
    { fresh },
  );
}

/** The epoch under which a folder's messages are known: that of the cursor, as long as its UIDVALIDITY holds. */
export function epochFor(uidValidity: string, cursor: ImapCursor | undefined): string {
  return cursor?.uidValidity === uidValidity ? epochOf(cursor) : uidValidity;
}

/** By SEARCH, whose answer is one line: a FETCH answers with a row for each message, which for thousands costs more than their heads. */
export async function uidsFrom(client: ImapFlow, mailbox: MailboxObject, low: number): Promise<number[]> {
  return (await searchFrom(client, mailbox, low)) ?? uidsOf(client, `${low}:*`, true);
}

async function uidsOf(client: ImapFlow, range: string, uid: boolean): Promise<number[]> {
  const uids = new Set<number>();
  // By sequence number only what was asked for: servers tell changes of other messages by the way.
  const first = uid ? 0 : Number.parseInt(range, 10);
  for await (const row of client.fetch(range, { uid: true }, { uid }))
    if (row.uid && row.seq >= first) uids.add(row.uid);
  return [...uids].sort((a, b) => a - b);
}

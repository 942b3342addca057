import { Readable } from 'node:stream';
import type { ImapFlow } from 'imapflow';
import { type Fetched, type Place, ProviderError } from '../provider.ts';
import { commandError, isLost, type ServerName } from './errors.ts';
import { checkEpoch, EpochChanged } from './heads.ts';
import { Patience } from './patience.ts';
import { inCommands, packUids } from './ranges.ts';
import type { Sessions } from './sessions.ts';
import { toDate } from './translate.ts';

const mostAtOnce = 500;
/** Bytes. Messages up to `small` are fetched together, up to `batch` at once; others in pieces. */
const small = 256 * 1024;
const batch = 8 * 1024 * 1024;
const piece = 1024 * 1024;
/** Messages in a row that the server refuses: then it is the folder. */
const mostRefusals = 5;

interface About {
  size: number | null;
  receivedAt: Date | null;
}

/** Raw messages in the order of the places. No connection is held while one of them is being read. */
export async function* fetchRaw(sessions: Sessions, server: ServerName, places: Place[]): AsyncGenerator<Fetched> {
  for (const group of groups(places)) {
    try {
      yield* fetchGroup(sessions, server, group);
    } catch (error) {
      if (!(error instanceof GroupFailed)) throw error;
      for (const place of error.places) yield { place, failed: error.reason };
    }
  }
}

/** The rest of a group can't be had, for a reason that concerns its folder only. */
class GroupFailed extends Error {
  readonly places: Place[];
  readonly reason: ProviderError;

  constructor(places: Place[], reason: ProviderError) {
    super(reason.message);
    this.places = places;
    this.reason = reason;
  }
}

async function* fetchGroup(sessions: Sessions, server: ServerName, group: Place[]): AsyncGenerator<Fetched> {
  const about = await ofFolder(group, () => ask(sessions, group));
  const patience = new Patience();
  let refusals = 0;
  // While a message is being looked for that breaks the connection: it lies before this.
  let suspect: number | null = null;
  for (let at = 0; at < group.length;) {
    const place = group[at] as Place;
    const known = about.get(Number(place.ref));
    if (!known) {
      at += 1;
      yield { place, failed: goneError() };
    } else if (known.size === null || known.size > small) {
      at += 1;
      yield await ofFolder(group.slice(at - 1), () => fetchLarge(sessions, server, place, known));
    } else {
      const together = batchFrom(group, at, about, suspect === null ? undefined : Math.ceil((suspect - at) / 2));
      let answered: Fetched[];
      try {
        answered = await ofFolder(group.slice(at), () => fetchSmall(sessions, together, about));
        patience.succeeded();
        refusals = 0;
      } catch (error) {
        // The folder could be opened a moment ago: one of these messages may be the reason.
        const refused = error instanceof GroupFailed && error.reason.folderOnly ? error : null;
        if (!isLost(error) && !refused) throw error;
        if (!refused) patience.failed();
        suspect = at + together.length;
        if (together.length > 1) continue;
        if (refused && (refusals += 1) > mostRefusals) throw refused;
        if (!refused) await patience.blame(() => sessions.run(place.folder, (client) => client.noop()));
        answered = [{ place, failed: refused?.reason ?? breaksOff() }];
      }
      at += together.length;
      if (suspect !== null && at >= suspect) suspect = null;
      yield* answered;
    }
  }
}

function ask(sessions: Sessions, group: Place[]): Promise<Map<number, About>> {
  return sessions.run(group[0]!.folder, async (client, mailbox) => {
    checkEpoch(mailbox, group[0]!.epoch);
    const about = new Map<number, About>();
    const query = { uid: true, size: true, internalDate: true };
    for (const part of inCommands(uidsOf(group)))
      for await (const row of client.fetch(packUids(part), query, { uid: true }))
        about.set(row.uid, { size: row.size ?? null, receivedAt: toDate(row.internalDate) });
    return about;
  });
}

async function fetchSmall(sessions: Sessions, together: Place[], about: Map<number, About>): Promise<Fetched[]> {
  const { folder, epoch } = together[0] as Place;
  const { found, withheld } = await sessions.run(
    folder,
    async (client, mailbox) => {
      checkEpoch(mailbox, epoch);
      const found = new Map<number, Buffer>();
      for (const part of inCommands(uidsOf(together)))
        for await (const row of client.fetch(packUids(part), { uid: true, source: true }, { uid: true }))
          // No source, or false: deleted meanwhile.
          if (row.source) found.set(row.uid, row.source);
      const missing = uidsOf(together).filter((uid) => !found.has(uid));
      return { found, withheld: missing.length > 0 ? await stillThere(client, missing) : new Set<number>() };
    },
    { once: true },
  );
  return together.map((place) => {
    const source = found.get(Number(place.ref));
    const receivedAt = about.get(Number(place.ref))?.receivedAt ?? null;
    return source
      ? { place, raw: Readable.from([source]), size: source.length, receivedAt }
      : { place, failed: withheld.has(Number(place.ref)) ? new Withheld() : goneError() };
  });
}

/** Which of the UIDs exist although their text was not given: servers show messages before they can give them. */
async function stillThere(client: ImapFlow, uids: number[]): Promise<Set<number>> {
  const still = new Set<number>();
  for (const part of inCommands(uids))
    for await (const row of client.fetch(packUids(part), { uid: true }, { uid: true }))
      if (uids.includes(row.uid)) still.add(row.uid);
  return still;
}

/** Piece by piece, the first at once: it shows whether the message can be had. The size that servers give is not relied on. */
async function fetchLarge(sessions: Sessions, server: ServerName, place: Place, known: About): Promise<Fetched> {
  const pieceAt = (start: number): Promise<Buffer | null> =>
    sessions.run(
      place.folder,
      async (client, mailbox) => {
        checkEpoch(mailbox, place.epoch);
        const source = { start, maxLength: piece };
        const row = await client.fetchOne(place.ref, { uid: true, source }, { uid: true });
        if (row && row.source) return row.source;
        if ((await stillThere(client, [Number(place.ref)])).size === 0) return null;
        // Behind the end, some servers give nothing where others give an empty text.
        if (start > 0) return Buffer.alloc(0);
        throw new Withheld();
      },
      { once: true },
    );
  const patiently = (start: number) =>
    pieceAt(start).catch((error: unknown) => {
      if (!isLost(error)) throw error;
      return pieceAt(start);
    });
  let first: Buffer | null;
  try {
    first = await patiently(0);
  } catch (error) {
    if (error instanceof Withheld) return { place, failed: error };
    if (!isLost(error)) throw error;
    return { place, failed: breaksOff() };
  }
  if (!first) return { place, failed: goneError() };
  async function* pieces() {
    let next: Buffer | null = first;
    for (let start = 0; next && next.length > 0;) {
      yield next;
      start += next.length;
      if (next.length < piece) return;
      next = await patiently(start).catch((error: unknown) => {
        throw commandError(error, server, place.folder);
      });
    }
    if (!next) throw goneError();
  }
  return {
    place,
    raw: Readable.from(pieces(), { objectMode: false, highWaterMark: 64 * 1024 }),
    size: known.size,
    receivedAt: known.receivedAt,
  };
}

async function ofFolder<T>(rest: Place[], task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof EpochChanged)
      throw new GroupFailed(
        rest,
        new ProviderError('gone', 'The server has renumbered this folder since the message was listed.'),
      );
    if (error instanceof ProviderError && (error.kind === 'gone' || error.kind === 'unsupported' || error.folderOnly))
      throw new GroupFailed(rest, error);
    throw error;
  }
}

/** Neighbours of one folder and epoch. */
function groups(places: Place[]): Place[][] {
  const result: Place[][] = [];
  for (const place of places) {
    const last = result.at(-1);
    const [first] = last ?? [];
    if (last && first?.folder === place.folder && first.epoch === place.epoch && last.length < mostAtOnce)
      last.push(place);
    else result.push([place]);
  }
  return result;
}

function batchFrom(group: Place[], from: number, about: Map<number, About>, most = mostAtOnce): Place[] {
  const together: Place[] = [];
  let bytes = 0;
  for (const place of group.slice(from, from + Math.max(1, most))) {
    const size = about.get(Number(place.ref))?.size;
    if (size == null || size > small || (bytes + size > batch && together.length > 0)) break;
    bytes += size;
    together.push(place);
  }
  return together;
}

/** Ascending and each once: the same message may be asked for twice. */
function uidsOf(places: Place[]): number[] {
  return [...new Set(places.map((place) => Number(place.ref)))].sort((a, b) => a - b);
}

class Withheld extends ProviderError {
  constructor() {
    super('transient', 'The server lists this message but does not give its text.');
  }
}

const goneError = () => new ProviderError('gone', 'This message is no longer in the mailbox.');
const breaksOff = () => new ProviderError('protocol', 'The server breaks off when it is asked for this message.');

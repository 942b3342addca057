import { Readable } from 'node:stream';
import type { ImapFlow } from 'imapflow';
import { EpochChanged, type Fetched, type Place, ProviderError, type Told, type Wanted } from '../provider.ts';
import { commandError, Flooded, isLost, type ServerName } from './errors.ts';
import { fetchRows, Refused } from './fetch-rows.ts';
import { checkEpoch } from './heads.ts';
import { Patience } from './patience.ts';
import type { Sessions } from './sessions.ts';
import { toDate } from './translate.ts';

const mostAtOnce = 500;
/** Bytes. Messages up to `small` are fetched together, up to `batch` at once; others in pieces. */
const small = 256 * 1024;
const batch = 8 * 1024 * 1024;
const piece = 1024 * 1024;
/** Of a message whose size isn't told. */
const longest = 256 * 1024 * 1024;
/** Bytes that may come for so many that were promised: sizes are inexact at some servers, and what else happened in the folder is told by the way. */
const mostFor = (promised: number) => 2 * promised + 1024 * 1024;
/** Messages of a group that bring more than was asked for: then nothing more is asked of it. */
const mostFloods = 10;

/** Raw messages in the order of the places. No connection is held while one of them is being read. */
export async function* fetchRaw(sessions: Sessions, server: ServerName, places: Wanted[]): AsyncGenerator<Fetched> {
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

async function* fetchGroup(sessions: Sessions, server: ServerName, group: Wanted[]): AsyncGenerator<Fetched> {
  const about = toldOf(group) ?? (await ofFolder(group, () => ask(sessions, group)));
  const patience = new Patience();
  // As many are asked for together: few behind one that was refused, which seldom stands alone.
  let most = mostAtOnce;
  // While a message is being looked for that is refused or breaks the connection: it lies before this.
  let suspect: number | null = null;
  // The message at which the connection was lost last.
  let lostAt: number | null = null;
  // Sizes were wrong by far: from here on each message is fetched alone, in pieces.
  let distrusts = false;
  let floods = 0;
  for (let at = 0; at < group.length;) {
    const place = group[at] as Place;
    const known = about.get(Number(place.ref));
    if (!known) {
      at += 1;
      yield { place, failed: goneError() };
    } else if (distrusts || known.size === null || known.size > small) {
      at += 1;
      const told = distrusts ? { ...known, size: null } : known;
      const answer = await ofFolder(group.slice(at - 1), () => fetchLarge(sessions, server, place, told));
      if ('failed' in answer && answer.failed instanceof Overlong && (floods += 1) >= mostFloods)
        throw new GroupFailed(group.slice(at - 1), answer.failed);
      yield answer;
    } else {
      const together = batchFrom(group, at, about, suspect === null ? most : Math.ceil((suspect - at) / 2));
      let answered: Fetched[];
      try {
        answered = await ofFolder(group.slice(at), () => fetchSmall(sessions, together, about));
        patience.succeeded();
        most = Math.min(mostAtOnce, most * 2);
      } catch (error) {
        if (error instanceof Flooded) {
          distrusts = true;
          continue;
        }
        const refused = error instanceof Refused ? error : null;
        if (!isLost(error) && !refused) throw error;
        if (!refused) patience.failed();
        suspect = at + together.length;
        if (together.length > 1) continue;
        // A connection may die between two commands: only one that breaks twice is to blame.
        if (!refused && lostAt !== at) {
          lostAt = at;
          continue;
        }
        if (!refused) await patience.blame(() => sessions.run(place.folder, (client) => client.noop()));
        most = 1;
        const failed = refused ? await whyRefused(sessions, place, refused) : breaksOff();
        answered = [{ place, failed }];
      }
      at += together.length;
      if (suspect !== null && at >= suspect) suspect = null;
      yield* answered;
    }
  }
}

/** What listings told, where they told all of these sizes. */
function toldOf(group: Wanted[]): Map<number, Told> | null {
  const about = new Map<number, Told>();
  for (const { ref, size, receivedAt = null } of group) {
    if (size == null) return null;
    about.set(Number(ref), { size, receivedAt });
  }
  return about;
}

/** Sizes and receive times. Where the server can't tell one for a single message, none is told. */
async function ask(sessions: Sessions, group: Place[]): Promise<Map<number, Told>> {
  const { folder, epoch } = group[0] as Place;
  const askFor = (query: { size?: true; internalDate?: true }) =>
    sessions.run(folder, async (client, mailbox) => {
      checkEpoch(mailbox, epoch);
      const about = new Map<number, Told>();
      for await (const row of fetchRows(client, uidsOf(group), { uid: true, ...query })) {
        // One without the size may be a change of flags that the server tells by the way.
        const known = about.get(row.uid);
        about.set(row.uid, {
          size: row.size ?? known?.size ?? null,
          receivedAt: toDate(row.internalDate) ?? known?.receivedAt ?? null,
        });
      }
      return about;
    });
  const without = (less: { internalDate?: true }) => (error: unknown) => {
    if (error instanceof Refused) return askFor(less);
    throw error;
  };
  return askFor({ size: true, internalDate: true })
    .catch(without({ internalDate: true }))
    .catch(without({}));
}

async function fetchSmall(sessions: Sessions, together: Place[], about: Map<number, Told>): Promise<Fetched[]> {
  const { folder, epoch } = together[0] as Place;
  const promised = together.reduce((sum, { ref }) => sum + (about.get(Number(ref))?.size ?? 0), 0);
  const { found, withheld } = await sessions.run(
    folder,
    async (client, mailbox) => {
      checkEpoch(mailbox, epoch);
      const found = new Map<number, Buffer>();
      let bytes = 0;
      for await (const row of fetchRows(client, uidsOf(together), { uid: true, source: true }))
        // No source, or false: deleted meanwhile.
        if (row.source) {
          found.set(row.uid, row.source);
          bytes += row.source.length;
          if (bytes > mostFor(promised)) throw new Flooded();
        }
      const missing = uidsOf(together).filter((uid) => !found.has(uid));
      return { found, withheld: missing.length > 0 ? await stillThere(client, missing) : new Set<number>() };
    },
    { once: true, mostBytes: mostFor(promised) },
  );
  return together.map((place) => {
    const source = found.get(Number(place.ref));
    const receivedAt = about.get(Number(place.ref))?.receivedAt ?? null;
    return source
      ? { place, raw: Readable.from([source]), size: source.length, receivedAt }
      : { place, failed: withheld.has(Number(place.ref)) ? new Withheld() : goneError() };
  });
}

/** A server may refuse what has been deleted, too (RFC 2180, 4.1). */
async function whyRefused(sessions: Sessions, { folder, ref }: Place, refused: Refused): Promise<ProviderError> {
  const uid = Number(ref);
  const still = await sessions.run(folder, (client) => stillThere(client, [uid]));
  return still.has(uid) ? refused : goneError();
}

/** Which of the UIDs exist although their text was not given: servers show messages before they can give them. */
async function stillThere(client: ImapFlow, uids: number[]): Promise<Set<number>> {
  const still = new Set<number>();
  for await (const row of fetchRows(client, uids, { uid: true })) if (uids.includes(row.uid)) still.add(row.uid);
  return still;
}

/** Piece by piece, the first at once: it shows whether the message can be had. The size that servers give is not relied on, but for an end. */
async function fetchLarge(sessions: Sessions, server: ServerName, place: Place, known: Told): Promise<Fetched> {
  const pieceAt = (start: number): Promise<Buffer | null> =>
    sessions.run(
      place.folder,
      async (client, mailbox) => {
        checkEpoch(mailbox, place.epoch);
        const source = { start, maxLength: piece };
        const uid = Number(place.ref);
        let found: Buffer | undefined;
        for await (const row of fetchRows(client, [uid], { uid: true, source }))
          if (row.uid === uid) found ??= row.source;
        // Else a server that knows no parts would go on for ever.
        if (found && found.length > piece) throw new Overlong();
        if (found) return found;
        if ((await stillThere(client, [uid])).size === 0) return null;
        // Behind the end, some servers give nothing where others give an empty text.
        if (start > 0) return Buffer.alloc(0);
        throw new Withheld();
      },
      { once: true, mostBytes: mostFor(piece) },
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
    if (error instanceof Flooded) return { place, failed: new Overlong() };
    if (error instanceof Withheld || error instanceof Refused || error instanceof Overlong)
      return { place, failed: error };
    if (!isLost(error)) throw error;
    return { place, failed: breaksOff() };
  }
  if (!first) return { place, failed: goneError() };
  const end = known.size === null ? longest : 2 * known.size + piece;
  async function* pieces() {
    let next: Buffer | null = first;
    for (let start = 0; next && next.length > 0;) {
      yield next;
      start += next.length;
      if (next.length < piece) return;
      if (start > end) throw endlessError();
      next = await patiently(start).catch((error: unknown) => {
        throw commandError(error, server, place.folder);
      });
    }
    if (!next) throw goneError();
  }
  return {
    place,
    raw: Readable.from(pieces(), { objectMode: false, highWaterMark: 64 * 1024 }),
    // A size that is said to be small may be wrong: whoever reads it into memory believes it.
    size: first.length < piece ? first.length : known.size !== null && known.size > piece ? known.size : null,
    receivedAt: known.receivedAt,
  };
}

async function ofFolder<T>(rest: Place[], task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    // Of one message.
    if (error instanceof Refused) throw error;
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
function groups(places: Wanted[]): Wanted[][] {
  const result: Wanted[][] = [];
  for (const place of places) {
    const last = result.at(-1);
    const [first] = last ?? [];
    if (last && first?.folder === place.folder && first.epoch === place.epoch && last.length < mostAtOnce)
      last.push(place);
    else result.push([place]);
  }
  return result;
}

function batchFrom(group: Place[], from: number, about: Map<number, Told>, most = mostAtOnce): Place[] {
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

class Overlong extends ProviderError {
  constructor() {
    super('protocol', 'The server sends far more than the part of this message that it is asked for.');
  }
}

class Withheld extends ProviderError {
  constructor() {
    super('transient', 'The server lists this message but does not give its text.');
  }
}

const goneError = () => new ProviderError('gone', 'This message is no longer in the mailbox.');
const endlessError = () =>
  new ProviderError('protocol', 'The server gives this message without end.', { folderOnly: true });
const breaksOff = () => new ProviderError('protocol', 'The server breaks off when it is asked for this message.');

import type { Readable } from 'node:stream';
import type { Pack } from '../blobs/blobs.ts';
import type { EmailContent } from '../log/append.ts';
import type { Fetched, Mailbox, Place, Wanted } from '../providers/provider.ts';
import { Unparsable } from '../mail/parse-pool.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Candidate, Failure } from './candidate.ts';
import { shortError } from './candidate.ts';
import { checkSender } from './check-sender.ts';
import type { Hold } from './hold.ts';

/** Up to that size a message is read into memory, so that storing and parsing it doesn't hold up the next one's fetch. */
const small = 1024 * 1024;
/** Raw messages that are being kept and parsed at a time: what bounds the memory. */
const mostBytes = 16 * 1024 * 1024;
/** Enough to keep the disk and the parser busy; more would only stand before another mailbox's. */
const mostAtOnce = 16;

/** A message that was fetched, in memory or still on its way; or why it wasn't. */
export type Arrival = { raw: Buffer | Readable; receivedAt: Date | null; size: number | null } | Failure;

/**
 * Fetches messages by place and hands each to `take` in order: a small one in memory, a large one as a stream that `take` reads to its end before the next.
 * Each place is answered, also where the server gives none, and a second time where a stream ends with what is wrong with its message alone. Throws ProviderError when the mailbox itself fails. A message at which the
 * connection broke twice is passed over as failed: it must not hold up the rest for ever.
 */
export async function fetchEach(
  mailbox: Pick<Mailbox, 'fetch'>,
  places: readonly Wanted[],
  suspects: Suspects,
  take: (index: number, arrival: Arrival) => Promise<void>,
): Promise<void> {
  const open = new Map<string, number[]>();
  for (const [index, place] of places.entries()) {
    if (suspects.passesOver(place))
      await take(index, { rule: 'fetch_failed', error: 'The connection broke at this message.' });
    else open.set(keyOf(place), [...(open.get(keyOf(place)) ?? []), index]);
  }
  const wanted = [...open.values()].flat().map((index) => places[index]!);
  if (wanted.length === 0) return;
  const fetched = mailbox.fetch(wanted)[Symbol.asyncIterator]();
  for (;;) {
    const expected = places[open.values().next().value?.[0] ?? -1];
    const next = await fetched.next().catch((error: unknown) => suspects.blame(expected, error));
    if (next.done) break;
    const index = open.get(keyOf(next.value.place))?.shift();
    if (open.get(keyOf(next.value.place))?.length === 0) open.delete(keyOf(next.value.place));
    if (index !== undefined) await takeOne(next.value, index, take, suspects);
    else if ('raw' in next.value) next.value.raw.resume();
  }
  for (const index of [...open.values()].flat())
    await take(index, { rule: 'fetch_failed', error: 'The server gave no answer for this message.', gone: true });
}

async function takeOne(
  fetched: Fetched,
  index: number,
  take: (index: number, arrival: Arrival) => Promise<void>,
  suspects: Suspects,
): Promise<void> {
  if ('failed' in fetched) {
    const { failed } = fetched;
    await take(index, { rule: 'fetch_failed', error: shortError(failed.message), gone: failed.kind === 'gone' });
    return;
  }
  const { place, raw, size, receivedAt } = fetched;
  if (size === null || size > small) {
    try {
      await take(index, { raw, size, receivedAt });
    } catch (error) {
      const { errored } = raw;
      // Such as a full disk, for which its stream is broken off.
      if (errored !== error) throw error;
      if (errored instanceof ProviderError && errored.folderOnly)
        return await take(index, { rule: 'fetch_failed', error: shortError(errored.message) });
      if (errored) suspects.blame(place, errored);
      throw error;
    }
    return;
  }
  const bytes = await collect(raw).catch((error: unknown) => suspects.blame(place, error));
  await take(index, { raw: bytes, size: bytes.length, receivedAt });
}

/** Node's stream/consumers goes by a Blob, which takes ten times as long. */
async function collect(raw: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of raw) chunks.push(chunk as Buffer);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** Which messages a mailbox's connection broke at, for as long as the process remembers. */
export class Suspects {
  private readonly broke = new Map<string, number>();

  /** Notes that the connection broke when this message was asked for, and throws the error. */
  blame(place: Place | undefined, error: unknown): never {
    if (place && error instanceof ProviderError && error.kind !== 'auth')
      this.broke.set(keyOf(place), (this.broke.get(keyOf(place)) ?? 0) + 1);
    throw error;
  }

  /** Whether to leave it alone this time; the next time it gets one more chance. */
  passesOver(place: Place): boolean {
    if ((this.broke.get(keyOf(place)) ?? 0) < 2) return false;
    this.broke.set(keyOf(place), 1);
    return true;
  }
}

const keyOf = ({ folder, epoch, ref }: Place) => JSON.stringify([folder, epoch, ref]);

/** Takes messages in memory apart, side by side, and keeps them together in packs, while their number and bytes stay within bounds. */
export class Bodies {
  private readonly hold: Hold;
  private readonly pack: Pack;
  private readonly parsing = new Set<Promise<void>>();
  /** In memory until they are on the disk. */
  private readonly held = new Set<Promise<void>>();
  private bytes = 0;

  constructor(hold: Hold) {
    this.hold = hold;
    this.pack = hold.blobs.pack(hold.accountId);
  }

  /** Waits for room. What can't be parsed is the candidate's failure, and isn't kept. */
  async keep(candidate: Candidate, raw: Buffer): Promise<void> {
    while (this.parsing.size >= mostAtOnce) await Promise.race(this.parsing);
    while (this.held.size > 0 && this.bytes + raw.length > mostBytes) await Promise.race(this.held);
    this.bytes += raw.length;
    const parsed = keepSmall(this.hold, candidate, raw, this.pack).finally(() => this.parsing.delete(parsed));
    const kept = parsed
      .then(() => candidate.content?.durable)
      .catch(() => {})
      .then(() => {
        this.held.delete(kept);
        this.bytes -= raw.length;
      });
    this.parsing.add(parsed);
    this.held.add(kept);
  }

  /** Resolves once all are parsed; the last of them are on their way to the disk then. */
  async ready(): Promise<void> {
    await this.parsed();
    this.pack.end();
  }

  /** For who gives the page up: what isn't on the disk yet needn't go there. */
  async parsed(): Promise<void> {
    await Promise.all(this.parsing);
  }
}

/** Takes a message in memory apart and looks at who sent it, and has it kept. */
async function keepSmall(hold: Hold, candidate: Candidate, raw: Buffer, pack: Pack): Promise<void> {
  const [parsed] = await Promise.all([parse(hold, raw), checkSender(hold, candidate, async () => raw)]);
  if ('rule' in parsed) candidate.failure = parsed;
  else {
    const { key, durable } = pack.add(raw);
    candidate.content = { ...parsed, raw: key, size: raw.length, durable };
  }
}

/** The same for one that is too large for that: it is read from what was kept. A full disk is thrown. */
export async function keepLarge(hold: Hold, candidate: Candidate, raw: Readable): Promise<void> {
  const { key, size } = await hold.blobs.put(hold.accountId, raw);
  const again = await hold.blobs.open(hold.accountId, key);
  const parsed = await parse(hold, again).finally(() => again.destroy());
  if (!('rule' in parsed)) await checkSender(hold, candidate, () => hold.blobs.open(hold.accountId, key));
  if ('rule' in parsed) candidate.failure = parsed;
  else candidate.content = { ...parsed, raw: key, size, durable: Promise.resolve() };
}

type Parsed = Pick<EmailContent, 'parsed' | 'hasHtml'>;

async function parse(hold: Hold, raw: Buffer | Readable): Promise<Parsed | Failure> {
  try {
    const { html, ...parsed } = await hold.parser.parse(raw, hold.connectionId);
    return { parsed, hasHtml: html !== null };
  } catch (error) {
    return {
      rule: 'parse_failed',
      error: error instanceof Unparsable ? error.message : 'It could not be taken apart.',
    };
  }
}

import type { Readable } from 'node:stream';
import { type MimeNode, Splitter } from '@zone-eu/mailsplit';
import { splitting } from './parts.ts';

/** A part's header has been read, or a piece of its content: `data` is what stands between parts. */
export type Split = MimeNode | { type: 'body' | 'data'; node: MimeNode; value: Buffer };

/** Splits a message while it streams by. Errors of the stream and EMAXLEN (too many parts, too long a header) are thrown. */
export function splitStream(raw: Readable): AsyncIterable<Split> & { stop(): void } {
  const splitter = new Splitter(splitting);
  raw.on('error', (error) => splitter.destroy(error));
  raw.pipe(splitter);
  return {
    [Symbol.asyncIterator]: () => splitter[Symbol.asyncIterator]() as AsyncIterator<Split>,
    stop() {
      raw.unpipe(splitter);
      raw.resume();
    },
  };
}

/** What the splitter does for each line of its stream, and may do for many lines at once where none of them can be a delimiter. */
interface LineSplitter {
  state: number;
  push(found: Split): boolean;
  processLine(line: Buffer | false, final: boolean, next: (error: Error | null, found?: Split | false) => void): void;
}

const inHead = 1;

interface Piece {
  type: 'body' | 'data';
  node: MimeNode;
  from: number;
  to: number;
}

/**
 * The same for a message in memory, at a fraction of the cost: the splitter sees only the lines of heads and those that begin as a delimiter
 * does (RFC 2046, 5.1.1), and what lies between in one piece.
 */
export function* splitWhole(raw: Buffer): Generator<Split> {
  const splitter = new Splitter(splitting) as unknown as LineSplitter;
  let content = null as Piece | null;
  const delimiterFrom = delimitersOf(raw);
  let delimiter = 0;
  for (let at = 0; ;) {
    if (delimiter <= at) delimiter = delimiterFrom(at);
    const end = splitter.state === inHead || delimiter === at ? lineEnd(raw, at) : delimiter;
    const final = end === raw.length && (at === end || raw[end - 1] !== 0x0a);
    for (const found of give(splitter, raw.subarray(at, end), final)) {
      if (found.type !== 'node' && found.type === content?.type && found.node === content.node) {
        content.to = end;
        continue;
      }
      // The line end before a delimiter is the delimiter's.
      if (content !== null) yield* pieceOf(raw, content, content.type === 'body' && content.node.parentNode !== false);
      content = found.type === 'node' ? null : { type: found.type, node: found.node, from: at, to: end };
      if (found.type === 'node') yield found;
    }
    if (final) break;
    at = end;
  }
  if (content !== null) yield* pieceOf(raw, content, false);
}

function* pieceOf(raw: Buffer, { type, node, from, to }: Piece, withoutLineEnd: boolean): Generator<Split> {
  let end = to;
  if (withoutLineEnd && end > from && raw[end - 1] === 0x0a) end -= end - 1 > from && raw[end - 2] === 0x0d ? 2 : 1;
  if (end > from) yield { type, node, value: raw.subarray(from, end) };
}

function give(splitter: LineSplitter, line: Buffer, final: boolean): Split[] {
  const all: Split[] = [];
  splitter.push = (found) => all.push(found) > 0;
  splitter.processLine(line, final, (error, found) => {
    if (error) throw error;
    if (found) all.push(found);
  });
  return all;
}

/** Tells where the next line begins that may be a delimiter; the splitter overlooks a CR before it. Each form is searched for once over the whole message. */
function delimitersOf(raw: Buffer): (at: number) => number {
  const found = starts.map(() => -1);
  return (at) => {
    const begins = raw
      .subarray(at, at + 3)
      .toString('latin1')
      .replace('\r', '');
    if (begins.startsWith('--')) return at;
    const from = Math.max(0, at - 1);
    let next = raw.length;
    for (const [i, [start, skipped]] of starts.entries()) {
      if (found[i]! < from) {
        const hit = raw.indexOf(start, from);
        found[i] = hit < 0 ? Infinity : hit;
      }
      next = Math.min(next, found[i]! + skipped);
    }
    return next;
  };
}

const starts = [
  ['\n--', 1],
  ['\n\r--', 1],
] as const;

function lineEnd(raw: Buffer, at: number): number {
  const end = raw.indexOf(0x0a, at);
  return end < 0 ? raw.length : end + 1;
}

import { Readable } from 'node:stream';

/** More than any real header has. */
const mostBytes = 8 * 1024 * 1024;

/** Reads a raw message up to the end of its header; `whole` gives all of it, from the beginning. */
export async function peekHead(raw: Readable): Promise<{ head: Buffer; whole: Readable }> {
  const iterator = raw.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let length = 0;
  let ended = false;
  while (!ended && length < mostBytes && !endsHeader(chunks)) {
    const next = await iterator.next();
    ended = next.done === true;
    if (!next.done) {
      chunks.push(Buffer.from(next.value as Uint8Array));
      length += chunks.at(-1)!.length;
    }
  }
  const head = Buffer.concat(chunks);
  return { head, whole: Readable.from(rest()) };

  async function* rest(): AsyncIterable<Buffer> {
    yield head;
    if (!ended) yield* { [Symbol.asyncIterator]: () => iterator } as AsyncIterable<Buffer>;
  }
}

/** Whether the empty line is in the last chunk, or across its border. */
function endsHeader(chunks: readonly Buffer[]): boolean {
  const last = chunks.at(-1);
  if (!last) return false;
  const border = chunks.length > 1 ? Buffer.concat([chunks.at(-2)!.subarray(-3), last]) : last;
  return border.includes('\n\r\n') || border.includes('\n\n');
}

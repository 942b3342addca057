import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type MimeNode, Splitter } from '@zone-eu/mailsplit';
import { AppError } from '../errors.ts';
import { contentType, filename, partNumber, splitting } from './parts.ts';

/**
 * One part of a raw message, decoded, as a stream; memory stays small whatever its size. `part` is its IMAP number as in `attachments`.
 * Throws AppError 'not_found' when the message has no such part. The raw stream is destroyed once the part has been read.
 */
export async function openPart(
  raw: Readable,
  part: string,
): Promise<{ contentType: string; filename: string; body: Readable }> {
  const splitter = new Splitter(splitting);
  raw.on('error', (error) => splitter.destroy(error));
  raw.pipe(splitter);
  const chunks = splitter[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next();
    if (next.done) {
      raw.destroy();
      throw new AppError('not_found', 'The message has no such attachment.');
    }
    const { value } = next;
    if (value.type !== 'node' || value._boundary || partNumber(value) !== part) continue;
    const body = new PassThrough();
    void send(value, chunks, body).finally(() => raw.destroy());
    return { contentType: contentType(value), filename: filename(value), body };
  }
}

/** Errors, the reader's going away among them, end in the body stream. */
async function send(node: MimeNode, chunks: AsyncIterator<SplitterOutput>, body: PassThrough): Promise<void> {
  async function* content() {
    for (;;) {
      const next = await chunks.next();
      if (next.done || next.value.type === 'node') return;
      if (next.value.node !== node) return;
      if (next.value.type === 'body') yield next.value.value;
    }
  }
  await pipeline(content, node.getDecoder(), body).catch((error: unknown) => body.destroy(error as Error));
}

type SplitterOutput = MimeNode | { type: 'body' | 'data'; node: MimeNode; value: Buffer };

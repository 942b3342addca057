import { PassThrough } from 'node:stream';
import { parentPort } from 'node:worker_threads';
import { parseMessage } from './parse-message.ts';
import { verifySignatures } from './signatures.ts';
import type { Keys } from './signatures.ts';
import type { FromWorker, ToWorker } from './parse-pool.ts';

/** One thread of the pool: reads one message after the other from its port. */
const port = parentPort;
if (!port) throw new Error('This file runs as a worker thread only.');
const tell = (message: FromWorker) => port.postMessage(message);
let current: PassThrough | null = null;
let keys: Keys | null = null;

port.on('message', (message: ToWorker) => {
  if ('keys' in message) keys = message.keys;
  else if ('whole' in message) answer(Buffer.from(message.whole.buffer));
  else feed(message);
});

function feed(message: Exclude<ToWorker, { keys: Keys } | { whole: Uint8Array }>): void {
  const stream = (current ??= begin());
  if ('chunk' in message) stream.write(message.chunk, () => tell({ more: true }));
  else {
    current = null;
    if ('end' in message) stream.end();
    else stream.destroy(new Error('The message did not arrive completely.'));
  }
}

function begin(): PassThrough {
  const stream = new PassThrough();
  answer(stream);
  return stream;
}

function answer(raw: Buffer | PassThrough): void {
  const wanted = keys;
  keys = null;
  const work = wanted === null ? parseMessage(raw) : verifySignatures(raw, wanted);
  work.then(
    (done) => tell({ done }),
    (error: unknown) => tell({ failed: (error as Error).message }),
  );
}

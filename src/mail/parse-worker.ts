import { PassThrough } from 'node:stream';
import { MessagePort, parentPort } from 'node:worker_threads';
import { parseMessage } from './parse-message.ts';
import { verifySignatures } from './signatures.ts';
import type { Answer, Job } from './parse-pool.ts';

/** One thread of the pool: reads one message after the other. */
const pool = parentPort;
if (!pool) throw new Error('This file runs as a worker thread only.');

pool.on('message', (job: Job) => void work(job).then((answer) => pool.postMessage(answer)));

async function work({ message, keys }: Job): Promise<Answer> {
  const raw = message instanceof MessagePort ? streamFrom(message) : Buffer.from(message.buffer);
  try {
    return { done: keys === null ? await parseMessage(raw) : await verifySignatures(raw, keys) };
  } catch (error) {
    return { failed: (error as Error).message };
  } finally {
    if (!Buffer.isBuffer(raw)) raw.destroy();
  }
}

/** What comes through the port. Parsing may stop before its end. */
function streamFrom(port: MessagePort): PassThrough {
  const stream = new PassThrough();
  port.on('message', (chunk: Uint8Array | null) => {
    if (chunk === null) stream.end();
    else stream.write(chunk, () => port.postMessage(null));
  });
  stream.on('close', () => port.close());
  return stream;
}

import type { Readable } from 'node:stream';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { createTurns } from '../turns.ts';
import type { Parser, ParsedMessage } from './parse-message.ts';
import type { Keys, Signature } from './signatures.ts';

/**
 * What a worker gets, one at a time: a whole message, or where it comes from in pieces: the worker asks for each with a message of its own, and null is the end. Pieces that come after
 * the answer meet a closed port, never the next message. `keys`: its signatures are to be verified by them, and it isn't to be parsed.
 */
export interface Job {
  message: Uint8Array | MessagePort;
  keys: Keys | null;
}
/** What a worker answers to each job, also before it has had all pieces. */
export type Answer = { done: ParsedMessage | Signature[] } | { failed: string };

/** A message that the parser can't take apart. `message` is for people, and says nothing of what the mail holds. */
export class Unparsable extends Error {}

interface Slot {
  worker: Worker | null;
  busy: boolean;
}

const window = 8;

/**
 * A parser on worker threads, so that no message holds up the rest. Workers start at once: starting one takes longer than parsing hundreds of messages. One that dies, takes more memory than it may or
 * makes no progress for `timeoutSeconds` fails its message only, and is replaced. Owners (mailboxes) are served in turn.
 */
export function createParser(options: { threads?: number; timeoutSeconds?: number; memoryMb?: number } = {}): Parser {
  const { threads = 2, timeoutSeconds = 30, memoryMb = 256 } = options;
  const slots: Slot[] = Array.from({ length: threads }, () => {
    const slot: Slot = { worker: null, busy: false };
    slot.worker = startWorker(slot, memoryMb);
    return slot;
  });
  const turns = createTurns(threads);
  let closed = false;

  const run = async <T>(raw: Readable | Buffer, owner: string, keys: Keys | null): Promise<T> => {
    // An error before the worker is free must not go unheard.
    const early = new Promise<never>((_resolve, reject) => {
      if (!Buffer.isBuffer(raw)) raw.once('error', reject);
    });
    early.catch(() => undefined);
    return await turns(owner, async () => {
      const slot = slots.find((one) => !one.busy && one.worker) ?? slots.find((one) => !one.busy)!;
      slot.busy = true;
      try {
        if (closed) throw new Error('The parser has been closed.');
        slot.worker ??= startWorker(slot, memoryMb);
        return await Promise.race([early, runOn<T>(slot.worker, raw, keys, timeoutSeconds)]);
      } catch (error) {
        await slot.worker?.terminate();
        slot.worker = null;
        throw error;
      } finally {
        if (!Buffer.isBuffer(raw)) raw.destroy();
        slot.busy = false;
      }
    });
  };
  return {
    parse: (raw, owner) => run<ParsedMessage>(raw, owner, null),
    verify: (raw, owner, keys) => run<Signature[]>(raw, owner, keys),
    async close() {
      closed = true;
      await Promise.all(slots.map((slot) => slot.worker?.terminate()));
    },
  };
}

function startWorker(slot: Slot, memoryMb: number): Worker {
  const worker = new Worker(new URL('./parse-worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    // Nothing of ours: what a message contains is nobody's business but the parser's.
    env: {},
    execArgv: [],
  });
  worker.unref();
  worker.on('error', () => (slot.worker = null));
  return worker;
}

function runOn<T>(worker: Worker, raw: Readable | Buffer, keys: Keys | null, timeoutSeconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const channel = Buffer.isBuffer(raw) ? null : new MessageChannel();
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    const watchWorker = () => {
      clearTimeout(timer);
      if (settled) return;
      timer = setTimeout(
        () => fail(new Unparsable(`Parsing took longer than ${timeoutSeconds} seconds.`)),
        timeoutSeconds * 1000,
      );
    };
    const finish = () => {
      settled = true;
      clearTimeout(timer);
      channel?.port1.close();
      worker.off('message', onAnswer).off('error', onError).off('exit', onExit);
    };
    const fail = (error: Error) => {
      finish();
      reject(error);
    };
    const onError = (cause: Error & { code?: string }) => {
      const memory = cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
      fail(new Unparsable(memory ? 'Parsing took more memory than it may.' : 'The parser broke.', { cause }));
    };
    const onExit = () => fail(new Unparsable('The parser ended while it read this message.'));
    const onAnswer = (answer: Answer) => {
      finish();
      if ('done' in answer) resolve(answer.done as T);
      else reject(new Unparsable('The parser broke.', { cause: answer.failed }));
    };
    worker.on('message', onAnswer).on('error', onError).on('exit', onExit);

    const give = (message: Job['message'], transferred: ArrayBuffer | MessagePort) => {
      const job: Job = { message, keys };
      worker.postMessage(job, [transferred]);
    };
    if (channel === null) {
      const bytes = new Uint8Array(raw as Buffer);
      watchWorker();
      give(bytes, bytes.buffer);
      return;
    }
    give(channel.port2, channel.port2);
    feed(raw as Readable, channel.port1, watchWorker, () => clearTimeout(timer)).catch(fail);
  });
}

/** Gives the pieces to whoever asks for them at the port, a few ahead, until the port is closed. Only the worker's time counts, not that of a slow source. */
async function feed(raw: Readable, port: MessagePort, watchWorker: () => void, pause: () => void): Promise<void> {
  let credit = window;
  let ended = false;
  let open = true;
  let wake = () => {};
  port.on('message', () => {
    credit += 1;
    if (ended || credit < window) watchWorker();
    else pause();
    wake();
  });
  port.on('close', () => {
    open = false;
    wake();
  });
  for await (const chunk of raw) {
    // A copy of its own: small buffers share memory, and what is transferred is gone here.
    const bytes = new Uint8Array(chunk as Uint8Array);
    while (credit === 0 && open) await new Promise<void>((proceed) => (wake = proceed));
    if (!open) return;
    credit -= 1;
    watchWorker();
    port.postMessage(bytes, [bytes.buffer]);
  }
  if (!open) return;
  ended = true;
  watchWorker();
  port.postMessage(null);
}

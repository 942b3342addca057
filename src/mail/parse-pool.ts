import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { createTurns } from '../turns.ts';
import type { Parser, ParsedMessage } from './parse-message.ts';
import type { Keys, Signature } from './signatures.ts';

/** What a worker says. `more`: it has taken a chunk and wants another. */
export type FromWorker = { more: true } | { done: ParsedMessage | Signature[] } | { failed: string };
/**
 * What a worker is told: a whole message, or a part of one, its end, or that the rest won't come. `keys` come first, where the message's signatures are to be verified and it
 * isn't to be parsed.
 */
export type ToWorker = { keys: Keys } | { whole: Uint8Array } | { chunk: Uint8Array } | { end: true } | { abort: true };

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
    const tell = (message: ToWorker, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);
    let credit = window;
    let wake: (() => void) | null = null;
    let settled = false;
    // Only the worker's time counts, not that of a slow source.
    let timer: NodeJS.Timeout | undefined;
    const watchWorker = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => fail(new Error(`Parsing took longer than ${timeoutSeconds} seconds.`)),
        timeoutSeconds * 1000,
      );
    };
    const finish = () => {
      settled = true;
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', fail).off('exit', onExit);
      wake?.();
    };
    const fail = (error: Error) => {
      if (settled) return;
      finish();
      reject(error);
    };
    const onExit = () => fail(new Error('The parser ended while it read this message.'));
    const onMessage = (message: FromWorker) => {
      if ('more' in message) {
        credit += 1;
        clearTimeout(timer);
        if (credit < window) watchWorker();
        wake?.();
        return;
      }
      finish();
      if ('done' in message) resolve(message.done as T);
      else reject(new Error(message.failed));
    };
    worker.on('message', onMessage).on('error', fail).on('exit', onExit);

    if (keys !== null) tell({ keys });
    if (Buffer.isBuffer(raw)) {
      const bytes = new Uint8Array(raw);
      watchWorker();
      tell({ whole: bytes }, [bytes.buffer]);
      return;
    }
    const feed = async () => {
      for await (const chunk of raw) {
        // A copy of its own: small buffers share memory, and what is transferred is gone here.
        const bytes = new Uint8Array(chunk as Uint8Array);
        while (credit === 0 && !settled) await new Promise<void>((proceed) => (wake = proceed));
        if (settled) return;
        credit -= 1;
        watchWorker();
        tell({ chunk: bytes }, [bytes.buffer]);
      }
      if (settled) return;
      watchWorker();
      tell({ end: true });
    };
    feed().catch((error: unknown) => fail(error as Error));
  });
}

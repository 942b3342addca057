import { createHash, randomUUID } from 'node:crypto';
import type { Pack } from './blobs.ts';

/** Enough that writing them costs little more than their bytes, and few enough that a pack is quickly written anew without one of them. */
const mostMessages = 64;
const mostBytes = 2 * 1024 * 1024;

/** A pack that has each of its files written by `write`, which is given a new name and the messages by their hashes. */
export function createPack(write: (name: string, messages: Map<string, Buffer>) => Promise<void>): Pack {
  let open = begin();
  const end = () => {
    const { name, messages, written } = open;
    if (messages.size === 0) return;
    open = begin();
    write(name, messages).then(written.resolve, written.reject);
  };
  return {
    add(raw) {
      const { name, messages, written } = open;
      const hash = createHash('sha256').update(raw).digest('hex');
      messages.set(hash, raw);
      // Whoever bounds what is in memory counts each copy, and waits until it is written.
      open.bytes += raw.length;
      if (messages.size >= mostMessages || open.bytes >= mostBytes) end();
      return { key: `${name}/${hash}`, durable: written.promise };
    },
    end,
  };
}

function begin() {
  const written = Promise.withResolvers<void>();
  // Whoever names one of them awaits it; that of one that nobody wants may fail.
  written.promise.catch(() => {});
  return { name: randomUUID() as string, messages: new Map<string, Buffer>(), bytes: 0, written };
}

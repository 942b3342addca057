import type { Readable } from 'node:stream';

/** Raw messages. A key is opaque and never given to other bytes; an account sees only its own. */
export interface Blobs {
  /** For messages that are in memory and become durable together, at the cost of one. */
  pack(accountId: string): Pack;
  /** Stores one by itself, and returns its key and the number of its bytes once it would survive a power cut. */
  put(accountId: string, raw: Readable | Uint8Array): Promise<{ key: string; size: number }>;
  /** Whether all of them are there. */
  has(accountId: string, keys: readonly string[]): Promise<boolean>;
  /** Throws AppError not_found when there is no such blob. */
  open(accountId: string, key: string): Promise<Readable>;
  /** Removing what is not there is harmless. Throws an AggregateError once all have been tried. Call it under a lock that no other removal of the account's holds. */
  remove(accountId: string, keys: readonly string[]): Promise<void>;
  /** All that was stored before then, in groups of one account: for whoever removes what nothing names. Drafts from before then, which nobody finished, are removed on the way. */
  storedBefore(time: Date): AsyncIterable<{ accountId: string; keys: string[] }>;
}

/** Keeps what is added for a while, to write it in one go: as soon as there is enough, or `end` is called. */
export interface Pack {
  /** `durable` resolves once it would survive a power cut, to be awaited before the commit that names the key, and rejects where it can't be kept. */
  add(raw: Buffer): { key: string; durable: Promise<void> };
  /** Writes what has been added. It is harmless to add more, and to call it again. */
  end(): void;
}

import type { Logger } from 'pino';
import type { Sealer } from '../accounts/seal.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { Db, Trx } from '../db/open.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { Provider } from '../providers/provider.ts';
import type { Hold } from './hold.ts';

/** What a connection's loop needs. */
export interface SyncDeps {
  db: Db;
  providers: Record<string, Provider>;
  sealer: Sealer;
  blobs: Blobs;
  parser: Parser;
  fire: Hold['fire'];
  /** Whether this process has the connection's lease; if so, it can't lose it before the transaction ends. */
  leased(trx: Trx, accountId: string, connectionId: string): Promise<boolean>;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How often all chosen folders are looked at, whatever the push says. */
  sweepSeconds: number;
  /** Opens a mailbox when few others are being opened: a start with thousands of connections must not drown the machine. */
  opening<T>(work: () => Promise<T>): Promise<T>;
  /** Does a piece of database work when few others do: the pool is for everybody. */
  storing<T>(work: () => Promise<T>): Promise<T>;
}

/** Runs at most `most` pieces of work at a time; the others wait in line. */
export function createLimit(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

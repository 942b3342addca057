import type { Logger } from 'pino';
import type { Sealer } from '../accounts/seal.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { Db, Trx } from '../db/open.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { SenderChecks } from '../mail/sender-checks.ts';
import type { Provider } from '../providers/provider.ts';
import type { Turns } from '../turns.ts';
import type { Hold, Storing } from './hold.ts';

/** What a connection's loop needs. */
export interface SyncDeps {
  db: Db;
  providers: Record<string, Provider>;
  sealer: Sealer;
  blobs: Blobs;
  parser: Parser;
  senderChecks: SenderChecks | null;
  fire: Hold['fire'];
  /** Whether this process has the connection's lease; if so, it can't lose it before the transaction ends. */
  leased(trx: Trx, accountId: string, connectionId: string): Promise<boolean>;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How often all chosen folders are looked at, whatever the push says. */
  sweepSeconds: number;
  /** Opening mailboxes; the owner is their server: a start with thousands of connections must not drown the machine, nor one dead server hold up the others. */
  opening: Turns;
  storing: Storing;
}

import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Sealer } from '../accounts/seal.ts';
import type { SignIn } from '../accounts/sign-in.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { Config } from '../config.ts';
import type { DeleteDeps, MailboxDeps } from '../connections/deps.ts';
import type { ContactDeps } from '../contacts/deps.ts';
import type { Db, Trx } from '../db/open.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { ChangeFeed } from './change-feed.ts';

/** What accounts, sign-in and the app's own parts need. */
export interface AccountDeps {
  db: Db;
  sealer: Sealer;
  signIn: SignIn;
  config: Pick<Config, 'url' | 'key' | 'trustProxy'>;
  log: Logger;
}

/** Everything that the HTTP side needs; wired in main.ts. */
export interface AppDeps extends Omit<AccountDeps, 'signIn'> {
  jobs: Jobs;
  changes: ChangeFeed;
  /** How often open streams are checked and get a sign of life; 20 s by default. */
  heartbeatMs?: number;
  blobs: Pick<Blobs, 'open'>;
  parser: Pick<Parser, 'parse'>;
  /** Reads one part out of a raw message (mail/part.ts). */
  openPart(raw: Readable, part: string): Promise<{ body: Readable }>;
  mailboxes: MailboxDeps;
  deletion: DeleteDeps;
  contacts: ContactDeps;
  /** The account's key for keyed hashes (accounts/account-key.ts). */
  hashKey(db: Db | Trx, accountId: string): Promise<Buffer>;
  /** The folder of the built web app. */
  webDir: string;
}

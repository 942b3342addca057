import type { Sealer } from '../accounts/seal.ts';
import type { Db } from '../db/open.ts';
import type { AddressGuard } from '../net/guard.ts';
import type { Provider } from '../providers/provider.ts';

/** What opening a mailbox needs; wired in main.ts. */
export interface MailboxDeps {
  providers: Record<string, Provider>;
  sealer: Sealer;
  guard: AddressGuard;
  /** How long opening may take in all, in ms; a minute by default. */
  mailboxLimitMs?: number;
}

/** What deleting needs of folders that connections may not import. */
export interface DeleteDeps {
  /** Erases the sightings of a connection that is marked as erasing, and the messages that no other holds, step by step (log/erase-connection.ts). `stop` throws its reason before the next one. */
  eraseLogOf(db: Db, accountId: string, connectionId: string, stop?: AbortSignal): Promise<void>;
}

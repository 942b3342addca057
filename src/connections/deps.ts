import type { Sealer } from '../accounts/seal.ts';
import type { Db, Trx } from '../db/open.ts';
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
  /** Erases the connection's sightings and the messages that no other holds (log/erase.ts); answers the blobs that nothing names any more. */
  eraseMailOf(trx: Trx, accountId: string, connectionId: string): Promise<string[]>;
  /** Removes those of them that nothing names by then (log/remove-unnamed.ts). */
  removeBlobs(db: Db, accountId: string, keys: string[]): Promise<void>;
}

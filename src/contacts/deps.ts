import type { RawBuilder } from 'kysely';
import type { Db, Trx } from '../db/open.ts';

/** Who acts, in which account. A Viewer is one. */
export interface Who {
  accountId: string;
  userId: string;
}

/** A move between stages; null: no stage. */
export interface StageChange {
  contactId: string;
  from: { id: string; name: string } | null;
  to: { id: string; name: string } | null;
}

/** What contacts need of folders that they may not import; wired in main.ts. */
export interface ContactDeps {
  /** The account's key for keyed hashes (accounts/account-key.ts). */
  hashKey(db: Db | Trx, accountId: string): Promise<Buffer>;
  /**
   * Finds the mail since the connections' start of contacts whose addresses are new or not excluded any more (log/late.ts). Answers how many rows of the ledger
   * are to be fetched, and how many items were logged at once.
   */
  findLateMail(trx: Trx, accountId: string, contactIds: string[]): Promise<{ due: number; logged: number }>;
  /** Appends the moves to the Contact Log (log/append.ts). `actorId` null: an automation did it. */
  stageChanged(trx: Trx, accountId: string, changes: StageChange[], actorId: string | null): Promise<unknown>;
  /** Erases the runs, tasks and emails of a contact that is marked as deleted, step by step (log/erase-contact.ts). `stop` throws its reason before the next one. */
  eraseLogOf(db: Db, accountId: string, contactId: string, stop?: AbortSignal): Promise<void>;
  /** When the viewer last saw mail of the contact `contact.id`, as SQL (log/last-email.ts): what others keep private doesn't count. */
  lastEmailAt(who: Who): RawBuilder<Date | null>;
}

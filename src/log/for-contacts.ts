import { accountKey } from '../accounts/account-key.ts';
import type { Sealer } from '../accounts/seal.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { ContactDeps } from '../contacts/deps.ts';
import type { Db } from '../db/open.ts';
import { eraseLogOfConnection } from './erase-connection.ts';
import { eraseLogOfContact } from './erase-contact.ts';
import { lastEmailAt } from './last-email.ts';
import { findLateMail } from './late.ts';
import { appendStageChanges } from './stage-change.ts';

/** What contacts need of the log, which they may not import. */
export function contactDeps(parts: { sealer: Sealer; blobs: Pick<Blobs, 'remove'> }): ContactDeps {
  return {
    hashKey: (db, accountId) => accountKey(db, parts.sealer, accountId),
    findLateMail,
    stageChanged: appendStageChanges,
    eraseLogOf: async (db, accountId, contactId, stop) =>
      eraseLogOfContact(db, parts.blobs, await accountKey(db, parts.sealer, accountId), accountId, contactId, stop),
    lastEmailAt,
  };
}

/** What deleting a connection needs of the log, which connections may not import. */
export function eraseDeps(parts: { blobs: Pick<Blobs, 'remove'> }) {
  return {
    eraseLogOf: (db: Db, accountId: string, connectionId: string, stop?: AbortSignal) =>
      eraseLogOfConnection(db, parts.blobs, accountId, connectionId, stop),
  };
}

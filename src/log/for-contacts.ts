import { accountKey } from '../accounts/account-key.ts';
import type { Sealer } from '../accounts/seal.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { ContactDeps } from '../contacts/deps.ts';
import type { Db, Trx } from '../db/open.ts';
import { eraseMailOfConnection, eraseMailOfContacts } from './erase.ts';
import { lastEmailAt } from './last-email.ts';
import { findLateMail } from './late.ts';
import { removeUnnamed } from './remove-unnamed.ts';
import { appendStageChanges } from './stage-change.ts';

/** What contacts need of the log, which they may not import. */
export function contactDeps(parts: { sealer: Sealer; blobs: Pick<Blobs, 'remove'> }): ContactDeps {
  return {
    hashKey: (db, accountId) => accountKey(db, parts.sealer, accountId),
    findLateMail,
    stageChanged: appendStageChanges,
    eraseMailOf: async (trx, accountId, contactIds) =>
      eraseMailOfContacts(trx, await accountKey(trx, parts.sealer, accountId), accountId, contactIds),
    removeBlobs: (db, accountId, keys) => removeUnnamed(db, parts.blobs, accountId, keys),
    lastEmailAt,
  };
}

/** What deleting a connection needs of the log, which connections may not import. */
export function eraseDeps(parts: { blobs: Pick<Blobs, 'remove'> }) {
  return {
    eraseMailOf: (trx: Trx, accountId: string, connectionId: string) =>
      eraseMailOfConnection(trx, accountId, connectionId),
    removeBlobs: (db: Db, accountId: string, keys: string[]) => removeUnnamed(db, parts.blobs, accountId, keys),
  };
}

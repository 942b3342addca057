import { notify } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import type { ContactDeps } from './deps.ts';
import { lockContact } from './load.ts';
import { lockContactAddresses } from './match.ts';

/**
 * Deletes a contact with its log, tasks and runs, and erases the messages that no other contact has; their ledger rows go back to "no contact" (spec,
 * section 5, Lives and deaths). Firings stay, so nothing fires again should the contact come back. Throws AppError 'not_found'.
 */
export async function deleteContact(db: Db, deps: ContactDeps, accountId: string, contactId: string): Promise<void> {
  const blobs = await db.transaction().execute(async (trx) => {
    // No page may log a message for this contact, or share one of its messages with another, while it goes.
    await lockContactAddresses(trx, accountId, 'exclusive');
    // Before its runs, which go with it: a step locks them in this order too.
    await lockContact(trx, accountId, contactId, 'whole');
    const unnamed = await deps.eraseMailOf(trx, accountId, [contactId]);
    await trx.deleteFrom('contact').where('account_id', '=', accountId).where('id', '=', contactId).execute();
    await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
    return unnamed;
  });
  await deps.removeBlobs(db, accountId, blobs);
}

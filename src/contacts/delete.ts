import { sql } from 'kysely';
import { notify } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import { renewing } from '../db/renewing.ts';
import { repeating } from '../db/repeat.ts';
import type { ContactDeps } from './deps.ts';
import { lockContact } from './load.ts';
import { lockContactAddresses } from './match.ts';

/**
 * Deletes a contact with its log, tasks and runs, and erases the messages that no other contact has; their ledger rows go back to "no contact" (spec,
 * section 5, Lives and deaths). Firings stay, so nothing fires again should the contact come back. It is gone for everybody from the first transaction on, and done when this returns; what
 * breaks off in between is finished later (sync/finish-erasures.ts, docs/decisions/0027). Throws AppError 'not_found'.
 */
export async function deleteContact(db: Db, deps: ContactDeps, accountId: string, contactId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // No page may log a message for this contact while it goes; once its addresses are gone none will.
    await lockContactAddresses(trx, accountId, 'exclusive');
    // Before its runs: a step that is under way ends first, and no other one begins.
    await lockContact(trx, accountId, contactId, 'whole');
    for (const table of ['contact_address', 'contact_tag', 'contact_segment'] as const) {
      await sql`delete from ${sql.table(table)} where account_id = ${accountId} and contact_id = ${contactId}`.execute(
        trx,
      );
    }
    const nothing = { first_name: '', last_name: '', company: '', owner_id: null, stage_id: null };
    await trx
      .updateTable('contact')
      .set({ ...nothing, deleted_at: sql<Date>`now()` })
      .where('account_id', '=', accountId)
      .where('id', '=', contactId)
      .execute();
    await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
  });
  await finishDeletion(db, deps, accountId, contactId);
}

/** What is left to do about a contact that is marked as deleted, for whoever marked or claimed it; anybody may do it again. `stop` throws its reason before the next step. */
export async function finishDeletion(
  db: Db,
  deps: Pick<ContactDeps, 'eraseLogOf'>,
  accountId: string,
  contactId: string,
  stop?: AbortSignal,
): Promise<void> {
  const remove = db
    .deleteFrom('contact')
    .where('account_id', '=', accountId)
    .where('id', '=', contactId)
    .where('deleted_at', 'is not', null);
  await renewing(db, { table: 'contact', accountId, id: contactId }, async () => {
    await deps.eraseLogOf(db, accountId, contactId, stop);
    stop?.throwIfAborted();
    await repeating(() => remove.execute());
  });
}

import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { DeleteDeps } from '../connections/deps.ts';
import { finishErasure } from '../connections/delete.ts';
import { finishDeletion } from '../contacts/delete.ts';
import type { ContactDeps } from '../contacts/deps.ts';
import type { Db } from '../db/open.ts';

/** Of a row that is to be erased: nobody is at it any more, who would have renewed it each minute (db/renewing.ts). */
const brokenOff = sql<boolean>`deleted_at < now() - interval '10 minutes'`;

/**
 * Finishes what was to be erased when a process ended or the database broke: contacts and connections that nobody sees any more (docs/decisions/0027). Each is claimed first, so one process
 * at a time is at it. One that fails stands until the next time, and so does what is left at `end`.
 */
export async function finishErasures(
  db: Db,
  deps: { contacts: Pick<ContactDeps, 'eraseLogOf'>; connections: DeleteDeps; log: Pick<Logger, 'error'> },
  end: AbortSignal,
): Promise<void> {
  const gone = (table: 'contact' | 'connection') =>
    db.selectFrom(table).select(['account_id as accountId', 'id']).where(brokenOff).orderBy('deleted_at');
  const contacts = await gone('contact').execute();
  const connections = await gone('connection').where('erasing', '=', true).execute();
  const all = [
    ...contacts.map((one) => ({ ...one, table: 'contact' as const })),
    ...connections.map((one) => ({ ...one, table: 'connection' as const })),
  ];
  for (const { table, accountId, id } of all) {
    if (end.aborted) return;
    try {
      if (!(await claim(db, table, accountId, id))) continue;
      if (table === 'contact') await finishDeletion(db, deps.contacts, accountId, id, end);
      else await finishErasure(db, deps.connections, accountId, id, end);
    } catch (error) {
      if (!end.aborted) deps.log.error({ err: error, accountId, id }, 'an erasure could not be finished');
    }
  }
}

/** False: another process was faster, or has finished it. */
async function claim(db: Db, table: 'contact' | 'connection', accountId: string, id: string): Promise<boolean> {
  const claimed = await db
    .updateTable(table)
    .set({ deleted_at: sql<Date>`now()` })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .where(brokenOff)
    .returning('id')
    .executeTakeFirst();
  return claimed !== undefined;
}

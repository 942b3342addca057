import type { Logger } from 'pino';
import type { DeleteDeps } from '../connections/deps.ts';
import { finishErasure } from '../connections/delete.ts';
import { finishDeletion } from '../contacts/delete.ts';
import type { ContactDeps } from '../contacts/deps.ts';
import type { Db } from '../db/open.ts';

/** Minutes. Whoever began an erasure is at it: only one that goes on for longer is taken for broken off, and does no harm if it isn't. */
const givenUpAfter = 10;

/** Finishes what was to be erased when a process ended or the database broke: contacts and connections that nobody sees any more (docs/decisions/0027). One that fails stands until the next time. */
export async function finishErasures(
  db: Db,
  deps: { contacts: Pick<ContactDeps, 'eraseLogOf'>; connections: DeleteDeps; log: Pick<Logger, 'error'> },
  end: AbortSignal,
): Promise<void> {
  const before = new Date(Date.now() - givenUpAfter * 60_000);
  const gone = (table: 'contact' | 'connection') =>
    db
      .selectFrom(table)
      .select(['account_id as accountId', 'id'])
      .where('deleted_at', '<', before)
      .orderBy('deleted_at');
  const contacts = await gone('contact').execute();
  const connections = await gone('connection').where('erasing', '=', true).execute();
  const all = [
    ...contacts.map((one) => ({ ...one, finish: () => finishDeletion(db, deps.contacts, one.accountId, one.id) })),
    ...connections.map((one) => ({ ...one, finish: () => finishErasure(db, deps.connections, one.accountId, one.id) })),
  ];
  for (const { accountId, id, finish } of all) {
    if (end.aborted) return;
    await finish().catch((error: unknown) =>
      deps.log.error({ err: error, accountId, id }, 'an erasure could not be finished'),
    );
  }
}

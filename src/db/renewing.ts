import { sql } from 'kysely';
import type { Db } from './open.ts';

const renewMs = 60_000;

/**
 * Does `work`, which erases a contact or a connection, and says in the row's `deleted_at` each minute that somebody is at it, however long that waits for its turn: whoever finishes what broke off
 * (sync/finish-erasures.ts) leaves it alone. A renewal that fails is made up for by the next one. Answers, or throws, what the work does.
 */
export async function renewing<T>(
  db: Db,
  row: { table: 'contact' | 'connection'; accountId: string; id: string },
  work: () => Promise<T>,
): Promise<T> {
  let renewed: Promise<unknown> = Promise.resolve();
  const renew = () =>
    db
      .updateTable(row.table)
      .set({ deleted_at: sql<Date>`now()` })
      .where('account_id', '=', row.accountId)
      .where('id', '=', row.id)
      .where('deleted_at', 'is not', null)
      .execute()
      .catch(() => {});
  const timer = setInterval(() => (renewed = renew()), renewMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await renewed;
  }
}

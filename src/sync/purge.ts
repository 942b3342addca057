import { sql } from 'kysely';
import type { Db } from '../db/open.ts';

const mostRows = 5_000;

/**
 * Deletes the ledger rows of skipped mail that vanished from its folder over 90 days ago, with their hashes and decisions (spec, section 5, Strangers);
 * answers how many. In small transactions, over all accounts.
 */
export async function purgeVanished(db: Db): Promise<number> {
  for (let purged = 0; ;) {
    const { numAffectedRows = 0n } = await sql`
      delete from sighting where (account_id, id) in (
        select account_id, id from sighting
        where state = 'skipped' and vanished_at < now() - interval '90 days'
        limit ${mostRows} for update skip locked)`.execute(db);
    purged += Number(numAffectedRows);
    if (Number(numAffectedRows) < mostRows) return purged;
  }
}

import { sql } from 'kysely';
import type { Db } from '../db/open.ts';

const mostRows = 5_000;
/** Each takes along up to a thousand named differences for each of its folders. */
const mostChecks = 20;

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

/**
 * Deletes checks of over 30 days ago with all that they found; answers how many. Of each mailbox the latest stays, which tells when the next is due, and the latest that came to its end,
 * which its health goes by; and so do those that an outage names. In small transactions, over all accounts.
 */
export async function purgeChecks(db: Db): Promise<number> {
  for (let purged = 0; ;) {
    const { numAffectedRows = 0n } = await sql`
      delete from mailbox_check where (account_id, id) in (
        select k.account_id, k.id from mailbox_check k
        where k.asked_at < now() - interval '30 days' and k.ended_at is not null
          and exists (select from mailbox_check later where later.account_id = k.account_id and later.connection_id = k.connection_id
            and later.asked_at > k.asked_at)
          and (k.error is not null or exists (select from mailbox_check later where later.account_id = k.account_id
            and later.connection_id = k.connection_id and later.asked_at > k.asked_at and later.ended_at is not null and later.error is null))
          and not exists (select from outage o where o.account_id = k.account_id and o.check_id = k.id)
        limit ${mostChecks} for update of k skip locked)`.execute(db);
    purged += Number(numAffectedRows);
    if (Number(numAffectedRows) < mostChecks) return purged;
  }
}

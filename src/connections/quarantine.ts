import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';

/** A message in quarantine, or dismissed from it by hand. Nothing of the mail itself is in here. */
export interface Quarantined {
  id: string;
  folder: string;
  receivedAt: Date | null;
  listedAt: Date;
  dismissed: boolean;
  rule: string;
  /** Null: not this viewer's mailbox. */
  error: string | null;
  tries: number;
  /** Null: it is dismissed. */
  nextTryAt: Date | null;
}

const most = 200;

/** The connection's quarantine, the latest first, 200 at most. Its owner sees the errors, admins all but them. Throws AppError 'not_found'. */
export async function listQuarantine(db: Db | Trx, viewer: Viewer, connectionId: string): Promise<Quarantined[]> {
  const { user_id: ownerId } = await requireConnection(db, viewer, connectionId, { as: 'manager' });
  const { rows } = await sql<Quarantined>`
    select s.id, f.name as folder, s.received_at as "receivedAt", s.listed_at as "listedAt", s.rule = 'dismissed' as dismissed, s.rule, s.error,
      s.tries, case when s.state = 'quarantined' then s.due_at end as "nextTryAt"
    from sighting s
    join folder f on f.account_id = s.account_id and f.id = s.folder_id
    where s.account_id = ${viewer.accountId} and s.connection_id = ${connectionId} and s.superseded_at is null
      and (s.state = 'quarantined' or s.state = 'skipped' and s.rule = 'dismissed' and s.vanished_at is null)
    order by s.id desc limit ${most}`.execute(db);
  return ownerId === viewer.userId ? rows : rows.map((row) => ({ ...row, error: null }));
}

/**
 * What a person does about it. 'retry': now. 'dismiss': it is skipped by the rule 'dismissed' and never tried again, though still counted. 'restore':
 * back into quarantine, and tried at once. Its owner and admins. Throws AppError: not_found, conflict (it has left the quarantine meanwhile).
 */
export async function settleQuarantined(
  db: Db,
  viewer: Viewer,
  connectionId: string,
  sightingId: string,
  what: 'retry' | 'dismiss' | 'restore',
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // The lock lets what is being committed end first: pages hold the row shared.
    await requireConnection(trx, viewer, connectionId, { as: 'manager', lock: true });
    const { accountId } = viewer;
    const from = what === 'restore' ? sql`state = 'skipped' and rule = 'dismissed'` : sql`state = 'quarantined'`;
    const to = {
      retry: sql`due_at = now()`,
      dismiss: sql`state = 'skipped', rule = 'dismissed', due_at = null, decided_at = now()`,
      restore: sql`state = 'quarantined', due_at = now(), decided_at = now(), rule = (
        select d.rule from decision d where d.account_id = sighting.account_id and d.sighting_id = sighting.id and d.state = 'quarantined'
        order by d.at desc limit 1)`,
    }[what];
    const { rows } = await sql`
      update sighting set ${to}
      where account_id = ${accountId} and connection_id = ${connectionId} and id = ${sightingId} and superseded_at is null and ${from}
      returning 1`.execute(trx);
    if (rows.length === 0) {
      const known = await sql`select from sighting
        where account_id = ${accountId} and connection_id = ${connectionId} and id = ${sightingId}`.execute(trx);
      if (known.rows.length === 0) throw new AppError('not_found', 'There is no such message in this mailbox.');
      throw new AppError('conflict', 'It has left the quarantine meanwhile. Load the list again.');
    }
    await notify(trx, 'letterlog_connection', { accountId, connectionId, only: 'rows' });
    await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
  });
}

import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { requireConnection } from './access.ts';

export interface Effects {
  /** Log items whose message this connection holds. */
  logItems: number;
  /** Of those, the ones that no other connection holds: erasing removes them. */
  onlyHere: number;
  /** Of those, the ones that everybody sees now and only the copies' owners would see if this connection were private. */
  hiddenIfPrivate: number;
}

/**
 * How many log items deleting the connection or making it private concerns, for the dialogs that ask first (spec C5; section 5, Seeing). The numbers come from the
 * ledger, not from what the viewer may read: an admin who erases must know how much goes. Throws AppError 'not_found'.
 */
export async function connectionEffects(db: Db | Trx, viewer: Viewer, connectionId: string): Promise<Effects> {
  await requireConnection(db, viewer, connectionId, { as: 'manager' });
  const { rows } = await sql<Effects>`
    select
      count(*)::int as "logItems",
      (count(*) filter (where not others.any))::int as "onlyHere",
      (count(*) filter (where not others.hidden and mine.sharing = 'everything' and li.matched_role is distinct from 'bcc'))::int as "hiddenIfPrivate"
    from (
      select distinct s.account_id, s.message_id, c.sharing from sighting s
      join connection c on c.account_id = s.account_id and c.id = s.connection_id
      where s.account_id = ${viewer.accountId} and s.connection_id = ${connectionId} and s.message_id is not null
    ) mine
    join log_item li on li.account_id = mine.account_id and li.message_id = mine.message_id
    cross join lateral (
      select count(*) > 0 as any, coalesce(bool_or(c.sharing = 'private'), false) as hidden from sighting s
      join connection c on c.account_id = s.account_id and c.id = s.connection_id
      where s.account_id = mine.account_id and s.message_id = mine.message_id and s.connection_id <> ${connectionId}
    ) others`.execute(db);
  return rows[0]!;
}

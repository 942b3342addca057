import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { covers } from '../contacts/exclusion-sql.ts';
import type { Exclusion } from '../contacts/exclusions.ts';
import type { Db, Trx } from '../db/open.ts';
import { visibleTo } from './visibility-sql.ts';

/** How many emails that the viewer may see are in the log with an address that the exclusion covers; for a personal one, those of the viewer's own mailboxes. */
export async function countCovered(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  { scope, value }: Pick<Exclusion, 'scope' | 'value'>,
): Promise<number> {
  const mine = sql`exists (select from sighting s join connection c on c.account_id = s.account_id and c.id = s.connection_id
    where s.account_id = li.account_id and s.message_id = li.message_id and c.user_id = ${viewer.userId})`;
  const { rows } = await sql<{ count: number }>`
    select count(distinct li.id)::int as count
    from contact_address a
    join log_item li on li.account_id = a.account_id and li.contact_id = a.contact_id and li.message_id is not null
    join message_participant p on p.account_id = li.account_id and p.message_id = li.message_id and p.address_key = a.address_key
    where a.account_id = ${viewer.accountId} and ${covers(sql`${value}::text`, sql`a.address_key`)}
      and ${scope === 'personal' ? mine : sql`true`} and ${visibleTo(viewer, 'li')}`.execute(db);
  return rows[0]!.count;
}

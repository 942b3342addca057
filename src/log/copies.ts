import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import type { SenderVerdict } from '../mail/verdict.ts';
import type { Copy, ItemCopies } from './visibility.ts';

/** A copy with what is shown of its connection where it may be named. */
export interface NamedCopy extends Copy {
  address: string;
  owner: { id: string; name: string } | null;
  /** About its sender; null: from before senders were checked. */
  sender: SenderVerdict | null;
}

export interface NamedItemCopies extends ItemCopies {
  copies: NamedCopy[];
}

/** The copies of these log items by the item's id, for visibility(): one query. Items that are no emails are left out. */
export async function loadCopies(
  db: Db | Trx,
  accountId: string,
  itemIds: readonly string[],
): Promise<Map<string, NamedItemCopies>> {
  if (itemIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('log_item as li')
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('sighting as s')
          .distinctOn('s.connection_id')
          .select(['s.connection_id', 's.verdict', 's.verdict_by', 's.verdict_results'])
          .whereRef('s.account_id', '=', 'li.account_id')
          .whereRef('s.message_id', '=', 'li.message_id')
          .orderBy('s.connection_id')
          .orderBy(sql`array_position(array['fail', 'pass', 'none'], s.verdict)`)
          .as('s'),
      (join) => join.onTrue(),
    )
    .innerJoin('connection as c', (join) =>
      join.onRef('c.account_id', '=', 'li.account_id').onRef('c.id', '=', 's.connection_id'),
    )
    .leftJoin('user as u', 'u.id', 'c.user_id')
    .where('li.account_id', '=', accountId)
    .where('li.id', 'in', itemIds)
    .select(['li.id as itemId', 'li.matched_role', 'c.id', 'c.user_id', 'c.sharing', 'c.address', 'u.name'])
    .select(['s.verdict', 's.verdict_by', 's.verdict_results'])
    .select((eb) =>
      eb
        .exists(
          eb
            .selectFrom('message_participant as p')
            .whereRef('p.account_id', '=', 'li.account_id')
            .whereRef('p.message_id', '=', 'li.message_id')
            .whereRef('p.connection_id', '=', 'c.id')
            .where('p.role', '=', 'bcc')
            .where(
              sql<boolean>`(li.matched_role is distinct from 'bcc' or li.matched_address in (p.address, p.address_key))`,
            )
            .select(sql`1`.as('one')),
        )
        .as('carriesBcc'),
    )
    .orderBy('c.created_at')
    .orderBy('c.id')
    .execute();
  const items = new Map<string, NamedItemCopies>();
  for (const row of rows) {
    const item = items.get(row.itemId) ?? { viaBccOnly: row.matched_role === 'bcc', copies: [] };
    items.set(row.itemId, item);
    item.copies.push({
      connectionId: row.id,
      userId: row.user_id,
      sharing: row.sharing,
      carriesBcc: Boolean(row.carriesBcc),
      address: row.address,
      owner: row.user_id === null ? null : { id: row.user_id, name: row.name ?? '' },
      sender: row.verdict && { verdict: row.verdict, by: row.verdict_by, results: row.verdict_results },
    });
  }
  return items;
}

import type { Db, Trx } from '../db/open.ts';
import type { NameOf, Reference, ReferenceType } from './actions/action.ts';

/** Reads the names of referred rows of the account; the answer says undefined for rows that are gone or another account's. */
export async function loadNames(db: Db | Trx, accountId: string, references: readonly Reference[]): Promise<NameOf> {
  const names = new Map<string, string>();
  for (const type of ['tag', 'segment', 'stage', 'user'] as const) {
    const ids = references.flatMap((reference) => (reference.type === type && reference.id ? [reference.id] : []));
    if (ids.length === 0) continue;
    for (const row of await readNames(db, accountId, type, ids)) names.set(`${type} ${row.id}`, row.name);
  }
  return (type, id) => names.get(`${type} ${id}`);
}

function readNames(db: Db | Trx, accountId: string, type: ReferenceType, ids: string[]) {
  if (type !== 'user') {
    return db
      .selectFrom(type)
      .select(['id', 'name'])
      .where('account_id', '=', accountId)
      .where('id', 'in', ids)
      .execute();
  }
  return db
    .selectFrom('member as m')
    .innerJoin('user as u', 'u.id', 'm.user_id')
    .select(['u.id', 'u.name'])
    .where('m.account_id', '=', accountId)
    .where('m.user_id', 'in', ids)
    .execute();
}

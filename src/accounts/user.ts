import { sql } from 'kysely';
import type { Db } from '../db/open.ts';
import { requireZone } from './zone.ts';

export interface User {
  id: string;
  name: string;
  email: string;
  /** Null: the account's. */
  zone: string | null;
}

export async function loadUser(db: Db, userId: string): Promise<User> {
  return db
    .selectFrom('user')
    .where('id', '=', userId)
    .select(['id', 'name', 'email', 'zone'])
    .executeTakeFirstOrThrow();
}

/** Changes one's own name and zone (null: the account's). Throws AppError 'invalid' for an unknown zone. */
export async function updateUser(
  db: Db,
  userId: string,
  change: { name?: string; zone?: string | null },
): Promise<User> {
  if (change.zone !== undefined && change.zone !== null) requireZone(change.zone);
  await db
    .updateTable('user')
    .set({
      updated_at: sql<Date>`now()`,
      ...(change.name === undefined ? {} : { name: change.name.trim() }),
      ...(change.zone === undefined ? {} : { zone: change.zone }),
    })
    .where('id', '=', userId)
    .execute();
  return loadUser(db, userId);
}

import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { Viewer } from './viewer.ts';

export interface ApiKey {
  id: string;
  name: string;
  /** Its first characters, to know it by. */
  prefix: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

type KeyOwner = Pick<Viewer, 'accountId' | 'userId'>;

const shape = /^ll_[\w-]{43}$/;
const mostKeys = 50;

/** Makes a key that acts as its user in this account. The key itself is answered once and never again: only its SHA-256 is kept. */
export async function createApiKey(db: Db, owner: KeyOwner, name: string): Promise<ApiKey & { key: string }> {
  if ((await listApiKeys(db, owner)).length >= mostKeys) {
    throw new AppError('conflict', `A user may have ${mostKeys} API keys. Revoke one that is no longer used.`);
  }
  const key = `ll_${randomBytes(32).toString('base64url')}`;
  const row = await db
    .insertInto('api_key')
    .values({
      account_id: owner.accountId,
      user_id: owner.userId,
      name,
      prefix: key.slice(0, 10),
      hash: sha256(key),
    })
    .returning(['id', 'name', 'prefix', 'created_at', 'last_used_at'])
    .executeTakeFirstOrThrow();
  return { ...present(row), key };
}

/** The user's own keys that are not revoked, oldest first. */
export async function listApiKeys(db: Db, owner: KeyOwner): Promise<ApiKey[]> {
  const rows = await db
    .selectFrom('api_key')
    .where('account_id', '=', owner.accountId)
    .where('user_id', '=', owner.userId)
    .where('revoked_at', 'is', null)
    .select(['id', 'name', 'prefix', 'created_at', 'last_used_at'])
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(present);
}

/** Throws AppError 'not_found' for a key that is another's, revoked or unknown. */
export async function revokeApiKey(db: Db, owner: KeyOwner, id: string): Promise<void> {
  const row = await db
    .updateTable('api_key')
    .set({ revoked_at: sql<Date>`now()` })
    .where('account_id', '=', owner.accountId)
    .where('user_id', '=', owner.userId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such API key.');
}

/** Whose key it is; null when it is unknown or revoked. Notes its use, at most once a minute. */
export async function ownerOfKey(db: Db, key: string): Promise<KeyOwner | null> {
  // The lookup goes by the hash, so its time tells nothing about a key.
  if (!shape.test(key)) return null;
  const row = await db
    .selectFrom('api_key')
    .where('hash', '=', sha256(key))
    .where('revoked_at', 'is', null)
    .select([
      'account_id',
      'id',
      'user_id',
      sql<boolean>`coalesce(last_used_at < now() - interval '1 minute', true)`.as('stale'),
    ])
    .executeTakeFirst();
  if (!row) return null;
  if (row.stale) {
    await db
      .updateTable('api_key')
      .set({ last_used_at: sql<Date>`now()` })
      .where('account_id', '=', row.account_id)
      .where('id', '=', row.id)
      .execute();
  }
  return { accountId: row.account_id, userId: row.user_id };
}

function sha256(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function present(row: {
  id: string;
  name: string;
  prefix: string;
  created_at: Date;
  last_used_at: Date | null;
}): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}

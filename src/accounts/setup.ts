import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { createAccount } from './create-account.ts';
import type { Furnish } from './create-account.ts';
import { insertUser, prepareUser } from './create-user.ts';
import type { Sealer } from './seal.ts';

/**
 * Makes the one-time token of the set-up link while there is no account, and voids the one before; null once there is an account.
 * Only its SHA-256 is kept.
 */
export async function createSetupToken(db: Db): Promise<string | null> {
  return db.transaction().execute(async (trx) => {
    await lockSetup(trx);
    if (await anyAccount(trx)) return null;
    const token = randomBytes(32).toString('base64url');
    const hash = sha256(token);
    await trx
      .insertInto('setup_token')
      .values({ hash })
      .onConflict((conflict) => conflict.column('one').doUpdateSet({ hash, created_at: sql`now()` }))
      .execute();
    return token;
  });
}

/** The page where a new installation is set up. */
export function setupLink(url: string, token: string): string {
  return `${url}/setup?token=${token}`;
}

/** Whether set-up is still to be done, and whether this is its token. */
export async function setupState(db: Db, token: string): Promise<{ needed: boolean; valid: boolean }> {
  const needed = !(await anyAccount(db));
  return { needed, valid: needed && (await isToken(db, token)) };
}

/**
 * Makes the first account and its owner. The token is void afterwards; of two at the same time one wins.
 * Throws AppError 'conflict' when set-up is done, 'forbidden' for a wrong token, 'invalid' for a password against the rule.
 */
export async function completeSetup(
  db: Db,
  sealer: Sealer,
  input: { token: string; accountName: string; name: string; email: string; password: string; zone: string },
  furnish: Furnish,
): Promise<{ accountId: string; userId: string }> {
  // Before the slow hash of the password: a stranger can't make us work.
  await requireToken(db, input.token);
  const owner = await prepareUser({ ...input, zone: null });
  return db.transaction().execute(async (trx) => {
    await lockSetup(trx);
    await requireToken(trx, input.token);
    await trx.deleteFrom('setup_token').execute();
    const userId = await insertUser(trx, owner);
    const accountId = await createAccount(
      trx,
      sealer,
      { name: input.accountName, zone: input.zone, ownerId: userId },
      furnish,
    );
    return { accountId, userId };
  });
}

async function requireToken(db: Db | Trx, token: string): Promise<void> {
  if (await anyAccount(db)) {
    throw new AppError('conflict', 'Letterlog is set up already.', {
      hint: 'Sign in, or ask an admin for an invitation.',
    });
  }
  if (await isToken(db, token)) return;
  throw new AppError('forbidden', 'This set-up link is not valid, or a newer one was printed since.', {
    hint: 'Use the link that Letterlog printed last, or print a new one with "letterlog setup-link".',
  });
}

async function isToken(db: Db | Trx, token: string): Promise<boolean> {
  const row = await db.selectFrom('setup_token').select('hash').executeTakeFirst();
  return row !== undefined && timingSafeEqual(row.hash, sha256(token));
}

async function anyAccount(db: Db | Trx): Promise<boolean> {
  return (await db.selectFrom('account').select('id').limit(1).executeTakeFirst()) !== undefined;
}

async function lockSetup(trx: Trx): Promise<void> {
  await sql`select pg_advisory_xact_lock(4700003)`.execute(trx);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

import { hashPassword } from 'better-auth/crypto';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireGoodPassword } from './password.ts';

export interface NewUser {
  name: string;
  email: string;
  password: string;
  zone: string | null;
}

/** A checked user whose password is hashed: slow by design, so done before the transaction. */
export interface PreparedUser {
  name: string;
  email: string;
  zone: string | null;
  passwordHash: string;
}

/** Checks the password against the rule (AppError 'invalid') and hashes it as better-auth verifies it (scrypt). */
export async function prepareUser(user: NewUser): Promise<PreparedUser> {
  requireGoodPassword(user.password, user);
  return {
    name: user.name.trim(),
    email: normalEmail(user.email),
    zone: user.zone,
    passwordHash: await hashPassword(user.password),
  };
}

/** Makes the user and the password that signs in. Throws AppError 'conflict' when the address has a user already. Answers the id. */
export async function insertUser(trx: Trx, user: PreparedUser): Promise<string> {
  const row = await trx
    .insertInto('user')
    .values({ name: user.name, email: user.email, zone: user.zone })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!row) {
    throw new AppError('conflict', `${user.email} has a sign-in here already.`, {
      hint: 'Sign in with it, then open the link again.',
    });
  }
  await trx
    .insertInto('sign_in_method')
    .values({ user_id: row.id, account_id: row.id, provider_id: 'credential', password: user.passwordHash })
    .execute();
  return row.id;
}

export async function findUserByEmail(db: Db | Trx, email: string): Promise<{ id: string } | undefined> {
  return db.selectFrom('user').select('id').where('email', '=', normalEmail(email)).executeTakeFirst();
}

/** A sign-in address as it is kept and compared: lower case, as better-auth looks it up. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

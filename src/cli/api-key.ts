import { listAccountsOf } from '../accounts/account.ts';
import { createApiKey } from '../accounts/api-keys.ts';
import { findUserByEmail } from '../accounts/create-user.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { UsageError } from './usage-error.ts';
import { withDatabase } from './with-database.ts';

/** Makes an API key for the user of this address; answers the key. Throws UsageError or AppError. */
export async function createKey(options: { email?: string; name?: string; account?: string }): Promise<string> {
  const { email } = options;
  if (!email) throw new UsageError('Say whose key it is: --email <user>.');
  return withDatabase(async (db) => {
    const user = await findUserByEmail(db, email);
    if (!user) throw new AppError('not_found', `There is no user ${email}.`);
    const accountId = await accountOf(db, user.id, email, options.account);
    const { key } = await createApiKey(db, { accountId, userId: user.id }, options.name?.trim() || 'Command line');
    return key;
  });
}

async function accountOf(db: Db, userId: string, email: string, wanted: string | undefined): Promise<string> {
  const accounts = await listAccountsOf(db, userId);
  const chosen = wanted === undefined ? accounts : accounts.filter(({ id }) => id === wanted);
  if (chosen.length === 1) return (chosen[0] as { id: string }).id;
  if (accounts.length === 0) throw new AppError('not_found', `${email} is not a member of any account.`);
  const list = accounts.map(({ id, name }) => `  ${id}  ${name}`).join('\n');
  throw new UsageError(
    `${email} is a member of ${wanted === undefined ? 'several accounts' : 'other accounts'}; choose one with --account:\n${list}`,
  );
}

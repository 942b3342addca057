import { createSetupToken, setupLink } from '../accounts/setup.ts';
import { AppError } from '../errors.ts';
import { withDatabase } from './with-database.ts';

/** Makes a new set-up link. Throws AppError 'conflict' once there is an account. */
export async function printSetupLink(): Promise<string> {
  return withDatabase(async (db, config) => {
    const token = await createSetupToken(db);
    if (token !== null) return setupLink(config.url, token);
    throw new AppError('conflict', `Letterlog is set up already. Sign in at ${config.url}.`);
  });
}

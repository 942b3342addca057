import type { Trx } from '../db/open.ts';
import { createAccountKey } from './account-key.ts';
import type { Sealer } from './seal.ts';
import type { Plan } from './viewer.ts';

/** What belongs to a new account but to a folder that accounts may not import: contacts' default stages. */
export type Furnish = (trx: Trx, accountId: string) => Promise<void>;

/**
 * Makes an account with its owner, who is also its fallback user, its HMAC key and its furnishings. Answers the id.
 * `furnish` is contacts/default-stages.ts' createDefaultStages.
 */
export async function createAccount(
  trx: Trx,
  sealer: Sealer,
  account: { name: string; zone: string; ownerId: string; plan?: Plan },
  furnish: Furnish,
): Promise<string> {
  const { id } = await trx
    .insertInto('account')
    .values({ name: account.name.trim(), zone: account.zone, ...(account.plan ? { plan: account.plan } : {}) })
    .returning('id')
    .executeTakeFirstOrThrow();
  await trx.insertInto('member').values({ account_id: id, user_id: account.ownerId, role: 'owner' }).execute();
  await trx.updateTable('account').set({ fallback_user_id: account.ownerId }).where('id', '=', id).execute();
  await createAccountKey(trx, sealer, id);
  await furnish(trx, id);
  return id;
}

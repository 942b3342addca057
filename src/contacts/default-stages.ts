import type { Trx } from '../db/open.ts';

/** The pipeline that a new account begins with. */
export const defaultStages = ['New', 'Contacted', 'Qualified', 'Proposal', 'Won', 'Lost'] as const;

/** Makes the default stages, in the transaction that makes the account. */
export async function createDefaultStages(trx: Trx, accountId: string): Promise<void> {
  await trx
    .insertInto('stage')
    .values(defaultStages.map((name, position) => ({ account_id: accountId, name, position })))
    .execute();
}

import { z } from 'zod';
import { dueAfter, zoneOf } from '../due.ts';
import type { Action } from './action.ts';

const schema = z.object({
  kind: z.literal('wait'),
  amount: z.int().min(1).max(10_000),
  unit: z.enum(['minutes', 'hours', 'days']),
});

/** Days are those of the contact's owner, who acts afterwards; without one, of the account. */
export const wait: Action<typeof schema> = {
  schema,
  label: ({ amount, unit }) => `Wait ${amount} ${amount === 1 ? unit.slice(0, -1) : unit}`,
  references: () => [],
  async run(trx, { accountId, contactId, now }, { amount, unit }) {
    const contact = await trx
      .selectFrom('contact')
      .select('owner_id')
      .where('account_id', '=', accountId)
      .where('id', '=', contactId)
      .executeTakeFirstOrThrow();
    const zone = await zoneOf(trx, accountId, contact.owner_id);
    return { did: { zone }, waitUntil: dueAfter(now, amount, unit, zone) };
  },
};

import { z } from 'zod';
import type { Trx } from '../../db/open.ts';
import { insertTask } from '../../tasks/insert-task.ts';
import { dueAfter, zoneOf } from '../due.ts';
import { text } from '../text.ts';
import type { Action } from './action.ts';

const schema = z.object({
  kind: z.literal('create_task'),
  subject: text(500),
  /** The contact's owner (without one: the account's fallback user), always the fallback user, or this user. */
  assignee: z.union([z.enum(['contact_owner', 'fallback']), z.object({ userId: z.uuid().nullable() })]),
  due: z.object({ amount: z.int().min(0).max(10_000), unit: z.enum(['hours', 'days']) }),
});

/** The subject is the map's own text and nothing of the message: every member sees the task, not everyone the mailbox. */
export const createTask: Action<typeof schema> = {
  schema,
  label: ({ subject }) => (subject ? `Create the task “${subject}”` : 'Create a task'),
  references: ({ assignee }) =>
    typeof assignee === 'object' ? [{ field: 'assignee', type: 'user', id: assignee.userId }] : [],
  problems: ({ subject }) => (subject ? [] : [{ field: 'subject', message: 'Enter what is to be done.' }]),
  async run(trx, context, { subject, assignee, due }) {
    const { accountId, contactId, runId, visit, now } = context;
    const assigneeId = await assigneeOf(trx, accountId, contactId, assignee);
    const dueAt = dueAfter(now, due.amount, due.unit, await zoneOf(trx, accountId, assigneeId));
    const taskId = await insertTask(trx, {
      accountId,
      contactId,
      subject,
      assigneeId,
      dueAt,
      actorId: null,
      step: { runId, visit },
    });
    return { did: { taskId, assigneeId, dueAt } };
  },
};

/** The chosen user while still a member, else the account's fallback user, else nobody. */
async function assigneeOf(
  trx: Trx,
  accountId: string,
  contactId: string,
  assignee: z.infer<typeof schema>['assignee'],
): Promise<string | null> {
  const row = await trx
    .selectFrom('contact as c')
    .innerJoin('account as a', 'a.id', 'c.account_id')
    .select(['c.owner_id as ownerId', 'a.fallback_user_id as fallbackId'])
    .where('c.account_id', '=', accountId)
    .where('c.id', '=', contactId)
    .executeTakeFirstOrThrow();
  const chosen = typeof assignee === 'object' ? assignee.userId : assignee === 'contact_owner' ? row.ownerId : null;
  if (chosen === null) return row.fallbackId;
  const member = await trx
    .selectFrom('member')
    .select('user_id')
    .where('account_id', '=', accountId)
    .where('user_id', '=', chosen)
    // Against leaving the account until the commit.
    .forKeyShare()
    .executeTakeFirst();
  return member?.user_id ?? row.fallbackId;
}

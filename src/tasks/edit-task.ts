import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { insertTask } from './insert-task.ts';
import { loadTask, noSuchTask } from './list-tasks.ts';
import type { Task } from './list-tasks.ts';

/** A task for a contact. Throws AppError 'invalid' when contact or assignee is not in the account. */
export async function createTask(
  db: Db,
  viewer: Viewer,
  input: {
    contactId: string;
    subject: string;
    dueAt?: Date | null | undefined;
    assigneeId?: string | null | undefined;
  },
): Promise<Task> {
  const { accountId } = viewer;
  const { contactId, subject, dueAt = null, assigneeId = null } = input;
  return await db.transaction().execute(async (trx) => {
    await requireContact(trx, accountId, contactId);
    await requireMember(trx, accountId, assigneeId);
    const id = await insertTask(trx, { accountId, contactId, subject, assigneeId, dueAt, actorId: viewer.userId });
    return await loadTask(trx, viewer, id);
  });
}

/** Changes, completes or reopens a task. Throws AppError 'not_found' or 'invalid'. */
export async function editTask(
  db: Db,
  viewer: Viewer,
  taskId: string,
  change: {
    state?: 'pending' | 'complete' | undefined;
    subject?: string | undefined;
    dueAt?: Date | null | undefined;
    assigneeId?: string | null | undefined;
  },
): Promise<Task> {
  const { accountId } = viewer;
  return await db.transaction().execute(async (trx) => {
    if (change.assigneeId) await requireMember(trx, accountId, change.assigneeId);
    const task = await trx
      .selectFrom('task')
      .select(['contact_id', 'state'])
      .where('account_id', '=', accountId)
      .where('id', '=', taskId)
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (!task) throw noSuchTask();
    const set = {
      ...(change.subject !== undefined && { subject: change.subject }),
      ...(change.dueAt !== undefined && { due_at: change.dueAt }),
      ...(change.assigneeId !== undefined && { assignee_id: change.assigneeId }),
      // Completing what is complete keeps who did it and when.
      ...(change.state === 'complete' &&
        task.state !== 'complete' && {
          state: change.state,
          completed_at: sql<Date>`now()`,
          completed_by: viewer.userId,
        }),
      ...(change.state === 'pending' && { state: change.state, completed_at: null, completed_by: null }),
    };
    if (Object.keys(set).length > 0) {
      await trx.updateTable('task').set(set).where('account_id', '=', accountId).where('id', '=', taskId).execute();
      const about = { accountId, contactId: task.contact_id };
      await notify(trx, 'letterlog_change', { ...about, kind: 'task' });
      await notify(trx, 'letterlog_change', { ...about, kind: 'log' });
    }
    return await loadTask(trx, viewer, taskId);
  });
}

async function requireContact(trx: Trx, accountId: string, contactId: string): Promise<void> {
  const contact = await trx
    .selectFrom('contact')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', '=', contactId)
    .where('deleted_at', 'is', null)
    .forKeyShare()
    .executeTakeFirst();
  if (contact) return;
  throw new AppError('invalid', "The contact doesn't exist any more. Choose another one.", {
    details: [{ path: 'contactId', message: 'is no contact of the account' }],
  });
}

async function requireMember(trx: Trx, accountId: string, userId: string | null): Promise<void> {
  if (userId === null) return;
  const member = await trx
    .selectFrom('member')
    .select('user_id')
    .where('account_id', '=', accountId)
    .where('user_id', '=', userId)
    .forKeyShare()
    .executeTakeFirst();
  if (member) return;
  throw new AppError('invalid', "The assignee isn't a member of the account. Choose another one.", {
    details: [{ path: 'assigneeId', message: 'is no member of the account' }],
  });
}

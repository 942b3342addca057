import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';

export interface NewTask {
  accountId: string;
  contactId: string;
  subject: string;
  assigneeId: string | null;
  dueAt: Date | null;
  /** The user who made it; null for an automation. */
  actorId: string | null;
  /** The automation's step that makes it: it makes at most one. */
  step?: { runId: string; visit: number };
}

/** Inserts a task with its line in the Contact Log, which shows the task as it is whenever it is read. Returns the task's id. */
export async function insertTask(trx: Trx, task: NewTask): Promise<string> {
  const { id, created_at: at } = await trx
    .insertInto('task')
    .values({
      account_id: task.accountId,
      contact_id: task.contactId,
      subject: task.subject,
      assignee_id: task.assigneeId,
      due_at: task.dueAt,
      run_id: task.step?.runId ?? null,
      visit: task.step?.visit ?? null,
    })
    .returning(['id', 'created_at'])
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('log_item')
    .values({
      account_id: task.accountId,
      contact_id: task.contactId,
      kind: 'task',
      at,
      task_id: id,
      actor_id: task.actorId,
    })
    .execute();
  const change = { accountId: task.accountId, contactId: task.contactId };
  await notify(trx, 'letterlog_change', { ...change, kind: 'task' });
  await notify(trx, 'letterlog_change', { ...change, kind: 'log' });
  return id;
}

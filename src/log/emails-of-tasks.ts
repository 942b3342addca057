import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { visibleTo } from './visibility-sql.ts';

/** An email's line in the Contact Log. */
export interface TaskEmail {
  itemId: string;
  subject: string;
}

/**
 * The emails that started the automations which made these tasks, by the task's id: one query. A person's task has none; nor has one whose email is gone or is
 * hidden from the viewer.
 */
export async function loadEmailsOfTasks(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  taskIds: readonly string[],
): Promise<Map<string, TaskEmail>> {
  if (taskIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('task as t')
    .innerJoin('run as r', (join) => join.onRef('r.account_id', '=', 't.account_id').onRef('r.id', '=', 't.run_id'))
    .innerJoin('log_item as i', (join) =>
      join
        .onRef('i.account_id', '=', 'r.account_id')
        .onRef('i.contact_id', '=', 'r.contact_id')
        .onRef('i.message_id', '=', 'r.message_id'),
    )
    .innerJoin('message as m', (join) =>
      join.onRef('m.account_id', '=', 'i.account_id').onRef('m.id', '=', 'i.message_id'),
    )
    .where('t.account_id', '=', viewer.accountId)
    .where('t.id', 'in', taskIds)
    .where(visibleTo(viewer, 'i'))
    .select(['t.id', 'i.id as itemId', 'm.subject'])
    .execute();
  return new Map(rows.map(({ id, itemId, subject }) => [id, { itemId, subject }]));
}

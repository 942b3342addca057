import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { displayName } from '../contacts/name.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { loadEmailsOfTasks } from '../log/emails-of-tasks.ts';
import type { TaskEmail } from '../log/emails-of-tasks.ts';

export interface Task {
  id: string;
  contact: { id: string; name: string };
  assignee: { id: string; name: string } | null;
  subject: string;
  dueAt: Date | null;
  state: 'pending' | 'complete' | 'cancelled';
  completedAt: Date | null;
  createdAt: Date;
  /** The map that made it, while that exists. */
  map: { id: string; name: string } | null;
  /** The email that it was made for; null where the viewer may not see that. */
  email: TaskEmail | null;
}

export interface TaskFilter {
  state?: 'pending' | 'complete' | undefined;
  assigneeId?: string | undefined;
  contactId?: string | undefined;
}

/** Pending tasks before others; those due first on top, so overdue ones lead; those without a due date last. */
const byDue = [sql`(t.state <> 'pending')`, sql`coalesce(t.due_at, 'infinity')`, sql`t.id`];
/** Completed ones: the latest on top. */
const byCompletion = [sql`coalesce(t.completed_at, t.created_at)`, sql`t.id`];

function tasksOf(db: Db | Trx, accountId: string) {
  return db
    .selectFrom('task as t')
    .innerJoin('contact as c', (join) =>
      join.onRef('c.account_id', '=', 't.account_id').onRef('c.id', '=', 't.contact_id').on('c.deleted_at', 'is', null),
    )
    .leftJoin('user as u', 'u.id', 't.assignee_id')
    .leftJoin('run as r', (join) => join.onRef('r.account_id', '=', 't.account_id').onRef('r.id', '=', 't.run_id'))
    .leftJoin('map as m', (join) => join.onRef('m.account_id', '=', 'r.account_id').onRef('m.id', '=', 'r.map_id'))
    .select(['t.id', 't.subject', 't.due_at', 't.state', 't.completed_at', 't.created_at'])
    .select([
      'c.id as contact_id',
      'u.id as assignee_id',
      'u.name as assignee_name',
      'm.id as map_id',
      'm.name as map_name',
    ])
    .select([
      displayName('c').as('contact_name'),
      sql<string>`${byDue[1]}::text`.as('due_place'),
      sql<string>`${byCompletion[0]}::text`.as('completion_place'),
    ])
    .where('t.account_id', '=', accountId);
}

type Row = Awaited<ReturnType<ReturnType<typeof tasksOf>['executeTakeFirstOrThrow']>>;

type Reader = Pick<Viewer, 'accountId' | 'userId'>;

/** The account's tasks, which every member sees. */
export async function listTasks(
  db: Db,
  viewer: Reader,
  filter: TaskFilter,
  page: { cursor?: string | undefined; limit: number },
): Promise<{ items: Task[]; nextCursor: string | null }> {
  let query = tasksOf(db, viewer.accountId).limit(page.limit + 1);
  if (filter.state) query = query.where('t.state', '=', filter.state);
  if (filter.assigneeId) query = query.where('t.assignee_id', '=', filter.assigneeId);
  if (filter.contactId) query = query.where('t.contact_id', '=', filter.contactId);

  const latest = filter.state === 'complete';
  const name = latest ? 'tasks by completion' : 'tasks by due date';
  for (const key of latest ? byCompletion : byDue) query = query.orderBy(key, latest ? 'desc' : 'asc');
  if (page.cursor !== undefined && latest) {
    const [at, id] = decodeCursor(name, ['time', 'id'], page.cursor);
    query = query.where(sql<boolean>`(${sql.join(byCompletion)}) < (${at}::timestamptz, ${id}::uuid)`);
  } else if (page.cursor !== undefined) {
    const [done, due, id] = decodeCursor(name, ['number', 'time', 'id'], page.cursor);
    query = query.where(
      sql<boolean>`(${sql.join(byDue)}) > (${done === '1'}::boolean, ${due}::timestamptz, ${id}::uuid)`,
    );
  }
  const found = await query.execute();
  const rows = found.slice(0, page.limit);
  const last = found.length > page.limit ? rows.at(-1) : undefined;
  const place =
    last &&
    (latest ? [last.completion_place, last.id] : [last.state === 'pending' ? '0' : '1', last.due_place, last.id]);
  return { items: await withEmails(db, viewer, rows), nextCursor: place ? encodeCursor(name, place) : null };
}

/** Throws AppError 'not_found' for a task that the account doesn't have. */
export async function loadTask(db: Db | Trx, viewer: Reader, taskId: string): Promise<Task> {
  const row = await tasksOf(db, viewer.accountId).where('t.id', '=', taskId).executeTakeFirst();
  if (!row) throw noSuchTask();
  const [task] = await withEmails(db, viewer, [row]);
  return task!;
}

export function noSuchTask(): AppError {
  return new AppError('not_found', 'There is no such task; it may have been deleted.');
}

async function withEmails(db: Db | Trx, viewer: Reader, rows: readonly Row[]): Promise<Task[]> {
  const emails = await loadEmailsOfTasks(
    db,
    viewer,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    id: row.id,
    contact: { id: row.contact_id, name: row.contact_name },
    assignee: row.assignee_id ? { id: row.assignee_id, name: row.assignee_name ?? '' } : null,
    subject: row.subject,
    dueAt: row.due_at,
    state: row.state,
    completedAt: row.completed_at,
    createdAt: row.created_at,
    map: row.map_id ? { id: row.map_id, name: row.map_name ?? '' } : null,
    email: emails.get(row.id) ?? null,
  }));
}

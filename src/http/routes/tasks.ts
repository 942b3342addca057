import { createRoute, z } from '@hono/zod-openapi';
import { visibleText } from '../../automations/text.ts';
import type { Db } from '../../db/open.ts';
import { createTask, editTask } from '../../tasks/edit-task.ts';
import { listTasks } from '../../tasks/list-tasks.ts';
import { presentTask, taskSchema } from '../presenters/task.ts';
import { pageOf, paging, responses, router } from '../router.ts';

const subject = visibleText(500, 'Enter what is to be done.');
const dueAt = z.iso.datetime({ offset: true }).nullable().optional();
const assigneeId = z.uuid().nullable().optional();

const list = createRoute({
  method: 'get',
  path: '/tasks',
  tags: ['Tasks'],
  summary: 'List tasks: pending before complete, due first; complete ones alone latest first',
  request: {
    query: z.object({
      ...paging,
      state: z.enum(['pending', 'complete']).optional(),
      assigneeId: z.union([z.literal('me'), z.uuid()]).optional(),
      contactId: z.uuid().optional(),
    }),
  },
  responses: responses(200, 'A page of tasks', pageOf(taskSchema)),
});

const create = createRoute({
  method: 'post',
  path: '/tasks',
  tags: ['Tasks'],
  summary: 'Create a task for a contact',
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ contactId: z.uuid(), subject, dueAt, assigneeId }) } },
    },
  },
  responses: responses(201, 'The task', taskSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/tasks/{id}',
  tags: ['Tasks'],
  summary: 'Change, complete or reopen a task',
  request: {
    params: z.object({ id: z.uuid() }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            state: z.enum(['pending', 'complete']).optional(),
            subject: subject.optional(),
            dueAt,
            assigneeId,
          }),
        },
      },
    },
  },
  responses: responses(200, 'The task', taskSchema),
});

/** /tasks */
export function taskRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => {
      const viewer = c.get('viewer');
      const { cursor, limit, assigneeId: whose, ...filter } = c.req.valid('query');
      const page = await listTasks(
        db,
        viewer,
        { ...filter, assigneeId: whose === 'me' ? viewer.userId : whose },
        { cursor, limit },
      );
      return c.json({ ...page, items: page.items.map(presentTask) }, 200);
    })
    .openapi(create, async (c) => {
      const { dueAt: due, ...input } = c.req.valid('json');
      const task = await createTask(db, c.get('viewer'), { ...input, dueAt: dateOf(due) });
      return c.json(presentTask(task), 201);
    })
    .openapi(edit, async (c) => {
      const { dueAt: due, ...change } = c.req.valid('json');
      const task = await editTask(db, c.get('viewer'), c.req.valid('param').id, { ...change, dueAt: dateOf(due) });
      return c.json(presentTask(task), 200);
    });
}

/** Undefined stays undefined (leave it), null stays null (none). */
function dateOf(value: string | null | undefined): Date | null | undefined {
  return typeof value === 'string' ? new Date(value) : value;
}

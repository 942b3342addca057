import { z } from '@hono/zod-openapi';
import type { Task } from '../../tasks/list-tasks.ts';
import { taskEmailSchema } from './log-item.ts';

const named = z.object({ id: z.string(), name: z.string() });

export const taskSchema = z
  .object({
    id: z.string(),
    contact: named,
    assignee: named.nullable(),
    subject: z.string(),
    dueAt: z.string().nullable().openapi({ format: 'date-time' }),
    state: z.enum(['pending', 'complete', 'cancelled']),
    completedAt: z.string().nullable().openapi({ format: 'date-time' }),
    createdAt: z.string().openapi({ format: 'date-time' }),
    map: named.nullable().openapi({ description: 'The map that made it, while that exists' }),
    email: taskEmailSchema,
  })
  .openapi('Task');

export function presentTask(task: Task): z.infer<typeof taskSchema> {
  return {
    id: task.id,
    contact: task.contact,
    assignee: task.assignee,
    subject: task.subject,
    dueAt: task.dueAt?.toISOString() ?? null,
    state: task.state,
    completedAt: task.completedAt?.toISOString() ?? null,
    createdAt: task.createdAt.toISOString(),
    map: task.map,
    email: task.email,
  };
}

import { createRoute, z } from '@hono/zod-openapi';
import { requireConnection } from '../../connections/access.ts';
import { askForHistory, changeHistory, viewHistory } from '../../connections/history.ts';
import type { Db } from '../../db/open.ts';
import { historySchema, presentHistory } from '../presenters/history.ts';
import { responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Connections'];
const path = '/connections/{id}/history';
const time = (description: string) =>
  z.iso
    .datetime({ offset: true })
    .nullable()
    .default(null)
    .transform((value) => (value === null ? null : new Date(value)))
    .openapi({ type: ['string', 'null'], format: 'date-time', description });

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'The imports of mail from before the connection, the latest first',
  request: { params },
  responses: responses(200, 'The imports', z.object({ items: z.array(historySchema) })),
});

const ask = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Ask for mail from before the connection (the mailbox’s owner); it is imported beside live mail',
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            since: time('By receive time; null: from the beginning'),
            until: time("Null: up to the connection's start"),
            fires: z.boolean().default(false).openapi({ description: 'Whether it starts automations' }),
          }),
        },
      },
    },
  },
  responses: responses(201, 'The import', historySchema),
});

const change = createRoute({
  method: 'patch',
  path,
  tags,
  summary: 'Pause, resume or cancel the import that is under way (the mailbox’s owner)',
  request: {
    params,
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ state: z.enum(['running', 'paused', 'cancelled']) }) } },
    },
  },
  responses: responses(200, 'The import', historySchema),
});

/** /connections/{id}/history */
export function historyRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => {
      const { id } = c.req.valid('param');
      await requireConnection(db, c.get('viewer'), id, { as: 'manager' });
      const items = await viewHistory(db, c.get('viewer').accountId, id);
      return c.json({ items: items.map(presentHistory) }, 200);
    })
    .openapi(ask, async (c) => {
      const history = await askForHistory(db, c.get('viewer'), c.req.valid('param').id, c.req.valid('json'));
      return c.json(presentHistory(history), 201);
    })
    .openapi(change, async (c) => {
      const { state } = c.req.valid('json');
      return c.json(presentHistory(await changeHistory(db, c.get('viewer'), c.req.valid('param').id, state)), 200);
    });
}

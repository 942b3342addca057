import { createRoute, z } from '@hono/zod-openapi';
import { answerNotice, listOutages, outagesOf } from '../../connections/view-outages.ts';
import type { Db } from '../../db/open.ts';
import { outageSchema, presentOutage } from '../presenters/outage.ts';
import { noContent, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Connections'];

const list = createRoute({
  method: 'get',
  path: '/outages',
  tags,
  summary:
    'One’s own mailboxes that are in trouble, being caught up or back with an unread result; for admins also colleagues’ in trouble',
  responses: responses(200, 'The outages, the oldest first', z.object({ items: z.array(outageSchema) })),
});

const ofConnection = createRoute({
  method: 'get',
  path: '/connections/{id}/outages',
  tags,
  summary: 'The latest outages of a mailbox with what was recovered after each, the latest first',
  request: { params },
  responses: responses(200, 'The outages', z.object({ items: z.array(outageSchema) })),
});

const answer = createRoute({
  method: 'put',
  path: '/outages/{id}/notice',
  tags,
  summary:
    'Put the notice of an outage off for four hours, or dismiss it until the next one; after its end: its result was read',
  request: {
    params,
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ notice: z.enum(['later', 'dismissed']) }) } },
    },
  },
  responses: noContent('Done'),
});

/** /outages and /connections/{id}/outages */
export function outageRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => c.json({ items: (await listOutages(db, c.get('viewer'))).map(presentOutage) }, 200))
    .openapi(ofConnection, async (c) =>
      c.json({ items: (await outagesOf(db, c.get('viewer'), c.req.valid('param').id)).map(presentOutage) }, 200),
    )
    .openapi(answer, async (c) => {
      await answerNotice(db, c.get('viewer'), c.req.valid('param').id, c.req.valid('json').notice);
      return c.body(null, 204);
    });
}

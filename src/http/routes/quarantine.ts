import { createRoute, z } from '@hono/zod-openapi';
import { listQuarantine, settleQuarantined } from '../../connections/quarantine.ts';
import type { Quarantined } from '../../connections/quarantine.ts';
import type { Db } from '../../db/open.ts';
import { noContent, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Connections'];
const time = () => z.string().openapi({ format: 'date-time' });

const quarantinedSchema = z
  .object({
    id: z.string(),
    folder: z.string(),
    receivedAt: time().nullable(),
    listedAt: time(),
    dismissed: z.boolean(),
    rule: z.string(),
    error: z.string().nullable().openapi({ description: 'Of own mailboxes only' }),
    tries: z.int(),
    nextTryAt: time().nullable().openapi({ description: 'Null: it is dismissed' }),
  })
  .openapi('Quarantined');

const list = createRoute({
  method: 'get',
  path: '/connections/{id}/quarantine',
  tags,
  summary: 'Messages that could not be fetched, read or stored, and those dismissed by hand',
  request: { params },
  responses: responses(200, 'The latest 200', z.object({ items: z.array(quarantinedSchema) })),
});

const settle = createRoute({
  method: 'post',
  path: '/connections/{id}/quarantine/{sightingId}',
  tags,
  summary: 'Try such a message now, dismiss it, or put it back',
  request: {
    params: params.extend({ sightingId: z.string().regex(/^\d{1,18}$/) }),
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ action: z.enum(['retry', 'dismiss', 'restore']) }) } },
    },
  },
  responses: noContent('Done'),
});

/** /connections/{id}/quarantine */
export function quarantineRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => {
      const items = await listQuarantine(db, c.get('viewer'), c.req.valid('param').id);
      return c.json({ items: items.map(present) }, 200);
    })
    .openapi(settle, async (c) => {
      const { id, sightingId } = c.req.valid('param');
      await settleQuarantined(db, c.get('viewer'), id, sightingId, c.req.valid('json').action);
      return c.body(null, 204);
    });
}

function present(one: Quarantined): z.infer<typeof quarantinedSchema> {
  const { id, folder, receivedAt, listedAt, dismissed, rule, error, tries, nextTryAt } = one;
  return {
    id,
    folder,
    receivedAt: receivedAt?.toISOString() ?? null,
    listedAt: listedAt.toISOString(),
    dismissed,
    rule,
    error,
    tries,
    nextTryAt: nextTryAt?.toISOString() ?? null,
  };
}

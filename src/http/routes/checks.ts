import { createRoute, z } from '@hono/zod-openapi';
import { requireConnection } from '../../connections/access.ts';
import { askForCheck, viewCheck, viewChecks, viewDifferences } from '../../connections/checks.ts';
import type { Db } from '../../db/open.ts';
import { checkSchema, differenceSchema, presentCheck, presentDifference } from '../presenters/check.ts';
import { responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Connections'];

const ask = createRoute({
  method: 'post',
  path: '/connections/{id}/checks',
  tags,
  summary: 'Check the mailbox: compare it with the ledger and the Contact Log, and repair what differs',
  request: { params },
  responses: responses(201, 'The check that is under way', checkSchema),
});

const list = createRoute({
  method: 'get',
  path: '/connections/{id}/checks',
  tags,
  summary: 'The latest checks of the mailbox, the latest first',
  request: { params },
  responses: responses(200, 'The checks', z.object({ items: z.array(checkSchema) })),
});

const get = createRoute({
  method: 'get',
  path: '/connections/{id}/checks/{checkId}',
  tags,
  summary: 'A check with what it found, by name (a thousand differences at most)',
  request: { params: params.extend({ checkId: z.uuid() }) },
  responses: responses(200, 'The check', checkSchema.extend({ found: z.array(differenceSchema) })),
});

/** /connections/{id}/checks */
export function checkRoutes({ db }: { db: Db }) {
  return router()
    .openapi(ask, async (c) =>
      c.json(presentCheck(await askForCheck(db, c.get('viewer'), c.req.valid('param').id)), 201),
    )
    .openapi(list, async (c) => {
      const { id } = c.req.valid('param');
      await requireConnection(db, c.get('viewer'), id, { as: 'manager' });
      return c.json({ items: (await viewChecks(db, c.get('viewer').accountId, id)).map(presentCheck) }, 200);
    })
    .openapi(get, async (c) => {
      const { id, checkId } = c.req.valid('param');
      const { accountId } = c.get('viewer');
      await requireConnection(db, c.get('viewer'), id, { as: 'manager' });
      const check = await viewCheck(db, accountId, id, checkId);
      const found = await viewDifferences(db, accountId, id, checkId);
      return c.json({ ...presentCheck(check), found: found.map(presentDifference) }, 200);
    });
}

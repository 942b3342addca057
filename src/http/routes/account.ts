import { createRoute, z } from '@hono/zod-openapi';
import { loadAccount, updateAccount } from '../../accounts/account.ts';
import { hasEmailSync } from '../../accounts/plan.ts';
import { plans } from '../../accounts/viewer.ts';
import { followPlan } from '../../connections/pause-many.ts';
import type { Db } from '../../db/open.ts';
import { jsonBody, nameField, zoneField } from '../body.ts';
import { accountSchema } from '../presenters/account.ts';
import { responses, router } from '../router.ts';

const tags = ['Account'];

const get = createRoute({
  method: 'get',
  path: '/account',
  tags,
  summary: 'Get the account',
  responses: responses(200, 'The account', accountSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/account',
  tags,
  summary:
    'Change the account (admins); its plan (owners). Without Email Sync in the plan syncing pauses, and nothing is deleted',
  request: {
    body: jsonBody(
      z.object({
        name: nameField().optional(),
        zone: zoneField.optional(),
        plan: z.enum(plans).optional(),
        fallbackUserId: z
          .uuid()
          .nullable()
          .optional()
          .openapi({ description: 'Who gets the tasks of contacts without an owner' }),
      }),
    ),
  },
  responses: responses(200, 'The account', accountSchema),
});

/** /account */
export function accountRoutes({ db }: { db: Db }) {
  return router()
    .openapi(get, async (c) => c.json(await loadAccount(db, c.get('viewer').accountId), 200))
    .openapi(edit, async (c) => {
      const viewer = c.get('viewer');
      const change = c.req.valid('json');
      const account = await db.transaction().execute(async (trx) => {
        const changed = await updateAccount(trx, viewer, change);
        if (change.plan !== undefined) await followPlan(trx, viewer.accountId, hasEmailSync(changed.plan));
        return changed;
      });
      return c.json(account, 200);
    });
}

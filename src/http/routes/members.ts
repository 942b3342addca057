import { createRoute, z } from '@hono/zod-openapi';
import { changeRole, listMembers, removeMember } from '../../accounts/members.ts';
import { pauseOfLeaver } from '../../connections/pause-many.ts';
import type { Db } from '../../db/open.ts';
import { jsonBody } from '../body.ts';
import { memberSchema, roleSchema } from '../presenters/account.ts';
import { noContent, responses, router } from '../router.ts';

const tags = ['Members'];
const params = z.object({ userId: z.uuid() });

const list = createRoute({
  method: 'get',
  path: '/members',
  tags,
  summary: "List the account's members by name",
  responses: responses(200, 'The members', z.array(memberSchema)),
});

const edit = createRoute({
  method: 'patch',
  path: '/members/{userId}',
  tags,
  summary: "Change a member's role (admins; owners' roles: owners). An account keeps at least one owner",
  request: { params, body: jsonBody(z.object({ role: roleSchema })) },
  responses: responses(200, 'The member', memberSchema),
});

const remove = createRoute({
  method: 'delete',
  path: '/members/{userId}',
  tags,
  summary:
    'Remove a member, or leave: sessions and API keys end, connections pause, pending tasks go to the fallback user, contacts lose this owner',
  request: { params },
  responses: noContent('Removed'),
});

/** /members */
export function memberRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => c.json(await listMembers(db, c.get('viewer').accountId), 200))
    .openapi(edit, async (c) => {
      const { userId } = c.req.valid('param');
      return c.json(await changeRole(db, c.get('viewer'), userId, c.req.valid('json').role), 200);
    })
    .openapi(remove, async (c) => {
      const viewer = c.get('viewer');
      const { userId } = c.req.valid('param');
      await db.transaction().execute(async (trx) => {
        await removeMember(trx, viewer, userId);
        await pauseOfLeaver(trx, viewer.accountId, userId);
      });
      return c.body(null, 204);
    });
}

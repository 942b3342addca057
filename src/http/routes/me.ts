import { createRoute, z } from '@hono/zod-openapi';
import { listAccountsOf, loadAccount } from '../../accounts/account.ts';
import { loadViewer } from '../../accounts/load-viewer.ts';
import { setActiveAccount } from '../../accounts/sessions.ts';
import { loadUser, updateUser } from '../../accounts/user.ts';
import type { Viewer } from '../../accounts/viewer.ts';
import type { Db } from '../../db/open.ts';
import { AppError } from '../../errors.ts';
import { jsonBody, nameField, zoneField } from '../body.ts';
import { meSchema } from '../presenters/account.ts';
import { responses, router } from '../router.ts';

const tags = ['Me'];

const get = createRoute({
  method: 'get',
  path: '/me',
  tags,
  summary: 'Get who is signed in, in which account',
  responses: responses(200, 'The user and the account', meSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/me',
  tags,
  summary: "Change one's name or zone",
  request: { body: jsonBody(z.object({ name: nameField().optional(), zone: zoneField.nullable().optional() })) },
  responses: responses(200, 'The user and the account', meSchema),
});

const enter = createRoute({
  method: 'put',
  path: '/me/account',
  tags,
  summary: 'Go to another account that one is a member of; for sessions, since an API key belongs to one account',
  request: { body: jsonBody(z.object({ accountId: z.uuid() })) },
  responses: responses(200, 'The user and the account', meSchema),
});

/** /me */
export function meRoutes({ db }: { db: Db }) {
  return router()
    .openapi(get, async (c) => c.json(await presentMe(db, c.get('viewer')), 200))
    .openapi(edit, async (c) => {
      const { userId, accountId } = c.get('viewer');
      await updateUser(db, userId, c.req.valid('json'));
      return c.json(await presentMe(db, await loadViewer(db, userId, accountId)), 200);
    })
    .openapi(enter, async (c) => {
      const sessionId = c.get('sessionId');
      if (sessionId === null) throw new AppError('forbidden', 'An API key belongs to one account.');
      const { userId } = c.get('viewer');
      const { accountId } = c.req.valid('json');
      await setActiveAccount(db, { sessionId, userId, accountId });
      return c.json(await presentMe(db, await loadViewer(db, userId, accountId)), 200);
    });
}

async function presentMe(db: Db, viewer: Viewer): Promise<z.infer<typeof meSchema>> {
  const [user, account, accounts] = await Promise.all([
    loadUser(db, viewer.userId),
    loadAccount(db, viewer.accountId),
    listAccountsOf(db, viewer.userId),
  ]);
  return { user, account, role: viewer.role, zone: viewer.zone, accounts };
}

import { createRoute, z } from '@hono/zod-openapi';
import { createApiKey, listApiKeys, revokeApiKey } from '../../accounts/api-keys.ts';
import type { Db } from '../../db/open.ts';
import { jsonBody, nameField } from '../body.ts';
import { apiKeySchema, newApiKeySchema, presentApiKey } from '../presenters/account.ts';
import { noContent, responses, router } from '../router.ts';

const tags = ['API keys'];

const list = createRoute({
  method: 'get',
  path: '/api-keys',
  tags,
  summary: "List one's own API keys",
  responses: responses(200, 'The keys, without the keys themselves', z.array(apiKeySchema)),
});

const create = createRoute({
  method: 'post',
  path: '/api-keys',
  tags,
  summary: 'Make an API key. It acts as its user, and is shown this once',
  request: { body: jsonBody(z.object({ name: nameField(100) })) },
  responses: responses(201, 'The key', newApiKeySchema),
});

const revoke = createRoute({
  method: 'delete',
  path: '/api-keys/{id}',
  tags,
  summary: "Revoke one of one's own API keys",
  request: { params: z.object({ id: z.uuid() }) },
  responses: noContent('Revoked'),
});

/** /api-keys */
export function apiKeyRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => c.json((await listApiKeys(db, c.get('viewer'))).map(presentApiKey), 200))
    .openapi(create, async (c) => {
      const made = await createApiKey(db, c.get('viewer'), c.req.valid('json').name);
      return c.json({ ...presentApiKey(made), key: made.key }, 201);
    })
    .openapi(revoke, async (c) => {
      await revokeApiKey(db, c.get('viewer'), c.req.valid('param').id);
      return c.body(null, 204);
    });
}

import { createRoute, z } from '@hono/zod-openapi';
import { completeSetup, setupState } from '../../accounts/setup.ts';
import { takeAttempt } from '../../accounts/take-attempt.ts';
import { requireZone } from '../../accounts/zone.ts';
import { createDefaultStages } from '../../contacts/default-stages.ts';
import { startSession } from '../auth.ts';
import { emailField, jsonBody, nameField, passwordField, zoneField } from '../body.ts';
import { clientAddress, limitedAddress } from '../client-address.ts';
import type { AccountDeps } from '../deps.ts';
import { responses, router } from '../router.ts';

const tags = ['Setup'];
const security: [] = [];
const token = z.string().max(200);
const attempts = { max: 20, windowSeconds: 60 };

const state = createRoute({
  method: 'get',
  path: '/setup',
  tags,
  security,
  summary: 'Whether this installation is still to be set up, and whether the token of its link is valid',
  request: { query: z.object({ token: token.default('') }) },
  responses: responses(200, 'The state', z.object({ needed: z.boolean(), valid: z.boolean() })),
});

const setup = createRoute({
  method: 'post',
  path: '/setup',
  tags,
  security,
  summary: 'Set up the installation: make the account and its owner, and sign in',
  request: {
    body: jsonBody(
      z.object({
        token,
        accountName: nameField(),
        name: nameField(),
        email: emailField,
        password: passwordField,
        zone: zoneField.default('UTC'),
      }),
    ),
  },
  responses: responses(201, 'Made and signed in', z.object({ accountId: z.uuid(), userId: z.uuid() })),
});

/** /setup */
export function setupRoutes(deps: AccountDeps) {
  const { db, sealer, config } = deps;
  const limit = (address: string) => takeAttempt(db, `setup:${limitedAddress(address)}`, attempts);
  return router()
    .openapi(state, async (c) => {
      await limit(clientAddress(c, config.trustProxy));
      return c.json(await setupState(db, c.req.valid('query').token), 200);
    })
    .openapi(setup, async (c) => {
      await limit(clientAddress(c, config.trustProxy));
      const input = c.req.valid('json');
      requireZone(input.zone);
      const made = await completeSetup(db, sealer, input, createDefaultStages);
      await startSession(deps, c, input);
      return c.json(made, 201);
    });
}

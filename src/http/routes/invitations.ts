import { createRoute, z } from '@hono/zod-openapi';
import {
  acceptAsNewUser,
  acceptAsUser,
  findInvitation,
  invite,
  listInvitations,
  revokeInvitation,
} from '../../accounts/invitations.ts';
import { setActiveAccount } from '../../accounts/sessions.ts';
import { takeAttempt } from '../../accounts/take-attempt.ts';
import { AppError } from '../../errors.ts';
import { sessionOf, startSession } from '../auth.ts';
import { emailField, jsonBody, nameField, passwordField } from '../body.ts';
import { clientAddress, limitedAddress } from '../client-address.ts';
import type { AccountDeps } from '../deps.ts';
import { invitationSchema, presentInvitation, roleSchema } from '../presenters/account.ts';
import { noContent, responses, router } from '../router.ts';

const tags = ['Invitations'];
const security: [] = [];
const byToken = z.object({ token: z.string().max(100) });
const attempts = { max: 30, windowSeconds: 60 };

const list = createRoute({
  method: 'get',
  path: '/invitations',
  tags,
  summary: 'List the open invitations (admins)',
  responses: responses(200, 'The invitations', z.array(invitationSchema)),
});

const create = createRoute({
  method: 'post',
  path: '/invitations',
  tags,
  summary:
    'Invite somebody (admins; an owner: owners). Answers the link to hand over; it lasts 7 days and voids an earlier one',
  request: { body: jsonBody(z.object({ email: emailField, role: roleSchema.default('member') })) },
  responses: responses(201, 'The invitation', invitationSchema),
});

const revoke = createRoute({
  method: 'delete',
  path: '/invitations/{id}',
  tags,
  summary: 'Revoke an invitation (admins)',
  request: { params: z.object({ id: z.uuid() }) },
  responses: noContent('Revoked'),
});

const show = createRoute({
  method: 'get',
  path: '/invitations/by-token/{token}',
  tags,
  security,
  summary: 'What the link of an invitation offers',
  request: { params: byToken },
  responses: responses(
    200,
    'The offer',
    z.object({
      email: z.string(),
      accountName: z.string(),
      role: roleSchema,
      hasSignIn: z.boolean().openapi({ description: 'The address has a sign-in here: sign in to accept' }),
    }),
  ),
});

const accept = createRoute({
  method: 'post',
  path: '/invitations/by-token/{token}/accept',
  tags,
  security,
  summary:
    'Accept: with name and password as a new user, who is signed in then; or as the signed-in user of that address',
  request: {
    params: byToken,
    body: jsonBody(z.object({ name: nameField().optional(), password: passwordField.optional() })),
  },
  responses: responses(200, 'Accepted', z.object({ accountId: z.uuid() })),
});

/** /invitations */
export function invitationRoutes(deps: AccountDeps) {
  const { db, config } = deps;
  const limit = (address: string) => takeAttempt(db, `invitation:${limitedAddress(address)}`, attempts);
  return router()
    .openapi(list, async (c) => {
      const invitations = await listInvitations(db, config.key, c.get('viewer'));
      return c.json(
        invitations.map((invitation) => presentInvitation(invitation, config.url)),
        200,
      );
    })
    .openapi(create, async (c) => {
      const invitation = await invite(db, config.key, c.get('viewer'), c.req.valid('json'));
      return c.json(presentInvitation(invitation, config.url), 201);
    })
    .openapi(revoke, async (c) => {
      await revokeInvitation(db, c.get('viewer'), c.req.valid('param').id);
      return c.body(null, 204);
    })
    .openapi(show, async (c) => {
      await limit(clientAddress(c, config.trustProxy));
      const { email, accountName, role, hasSignIn } = await findInvitation(db, config.key, c.req.valid('param').token);
      return c.json({ email, accountName, role, hasSignIn }, 200);
    })
    .openapi(accept, async (c) => {
      await limit(clientAddress(c, config.trustProxy));
      const { token } = c.req.valid('param');
      const { name, password } = c.req.valid('json');
      if (name !== undefined && password !== undefined) {
        const { accountId, email } = await acceptAsNewUser(db, config.key, token, { name, password });
        await startSession(deps, c, { email, password });
        return c.json({ accountId }, 200);
      }
      const session = await sessionOf(deps, c);
      if (!session) {
        throw new AppError('unauthenticated', 'Give a name and a password, or sign in with the invited address first.');
      }
      const { accountId } = await acceptAsUser(db, config.key, token, { id: session.userId, email: session.email });
      await setActiveAccount(db, { sessionId: session.id, userId: session.userId, accountId });
      return c.json({ accountId }, 200);
    });
}

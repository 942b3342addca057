import { z } from '@hono/zod-openapi';
import type { ApiKey } from '../../accounts/api-keys.ts';
import type { Invitation } from '../../accounts/invitations.ts';
import { invitationLink } from '../../accounts/invitations.ts';
import { plans, roles } from '../../accounts/viewer.ts';

const id = z.uuid();
const time = z.iso.datetime();

export const roleSchema = z.enum(roles);

export const accountSchema = z
  .object({ id, name: z.string(), plan: z.enum(plans), zone: z.string(), fallbackUserId: id.nullable() })
  .openapi('Account');

export const meSchema = z
  .object({
    user: z.object({
      id,
      name: z.string(),
      email: z.string(),
      zone: z.string().nullable().openapi({ description: "Null: the account's" }),
    }),
    account: accountSchema,
    role: roleSchema,
    zone: z.string().openapi({ description: "The user's zone, else the account's" }),
    accounts: z.array(z.object({ id, name: z.string(), role: roleSchema })),
  })
  .openapi('Me');

export const memberSchema = z
  .object({ userId: id, name: z.string(), email: z.string(), role: roleSchema, zone: z.string().nullable() })
  .openapi('Member');

export const invitationSchema = z
  .object({
    id,
    email: z.string(),
    role: roleSchema,
    link: z.string().openapi({ description: 'To be handed to the invited person; no email is sent' }),
    expiresAt: time,
  })
  .openapi('Invitation');

export function presentInvitation(invitation: Invitation, url: string): z.infer<typeof invitationSchema> {
  return {
    id: invitation.id,
    email: invitation.email,
    role: invitation.role,
    link: invitationLink(url, invitation.token),
    expiresAt: invitation.expiresAt.toISOString(),
  };
}

export const apiKeySchema = z
  .object({
    id,
    name: z.string(),
    prefix: z.string(),
    createdAt: time,
    lastUsedAt: time.nullable().openapi({ description: 'Exact to a minute' }),
  })
  .openapi('ApiKey');

export const newApiKeySchema = apiKeySchema
  .extend({ key: z.string().openapi({ description: 'The key itself, shown this once' }) })
  .openapi('NewApiKey');

export function presentApiKey(key: ApiKey): z.infer<typeof apiKeySchema> {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    createdAt: key.createdAt.toISOString(),
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  };
}

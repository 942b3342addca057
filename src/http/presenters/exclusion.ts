import { z } from '@hono/zod-openapi';
import type { Exclusion } from '../../contacts/exclusions.ts';
import { shownExclusion } from '../../contacts/read-exclusion.ts';

export const exclusionKinds = z.enum(['address', 'domain', 'own_domain']);
export const exclusionScopes = z.enum(['account', 'personal']);

export const exclusionSchema = z
  .object({
    id: z.string(),
    scope: exclusionScopes.openapi({ description: "account: every mailbox; personal: the user's own mailboxes" }),
    kind: exclusionKinds,
    value: z.string().openapi({ description: 'As matching sees it: lower case, no plus-tag, the domain in ASCII' }),
    name: z.string().openapi({ description: 'The same for people: the domain in its own script' }),
    addedBy: z.object({ id: z.string(), name: z.string() }).nullable(),
    addedAt: z.string().openapi({ format: 'date-time' }),
  })
  .openapi('Exclusion');

export function presentExclusion(exclusion: Exclusion): z.infer<typeof exclusionSchema> {
  const { id, scope, kind, value, addedBy, addedAt } = exclusion;
  return { id, scope, kind, value, name: shownExclusion(value), addedBy, addedAt: addedAt.toISOString() };
}

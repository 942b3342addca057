import { z } from '@hono/zod-openapi';
import type { Contact } from '../../contacts/load.ts';
import { shownExclusion } from '../../contacts/read-exclusion.ts';
import { exclusionKinds, exclusionScopes } from './exclusion.ts';

const named = z.object({ id: z.string(), name: z.string() });
const time = () => z.string().openapi({ format: 'date-time' });

export const contactSchema = z
  .object({
    id: z.string(),
    firstName: z.string(),
    lastName: z.string(),
    company: z.string(),
    name: z.string().openapi({ description: 'The names, else the company, else the first address, else “No name”' }),
    addresses: z.array(z.string()).openapi({ description: 'The first is the primary one' }),
    exclusions: z
      .array(
        z.object({
          address: z.string(),
          id: z.string(),
          kind: exclusionKinds,
          name: z.string(),
          scope: exclusionScopes,
        }),
      )
      .openapi({ description: 'Addresses whose mail is kept out: by the account, or in your own mailboxes' }),
    owner: named.nullable(),
    stage: named.nullable(),
    tags: z.array(named),
    segments: z.array(named),
    leadScore: z.int(),
    createdAt: time(),
    updatedAt: time(),
    lastEmailAt: time().nullable().openapi({ description: 'The newest email that you may see' }),
  })
  .openapi('Contact');

export function presentContact(contact: Contact): z.infer<typeof contactSchema> {
  return {
    id: contact.id,
    firstName: contact.firstName,
    lastName: contact.lastName,
    company: contact.company,
    name: contact.name,
    addresses: contact.addresses,
    exclusions: contact.exclusions.map(({ address, id, kind, value, scope }) => ({
      address,
      id,
      kind,
      name: shownExclusion(value),
      scope,
    })),
    owner: contact.owner,
    stage: contact.stage,
    tags: contact.tags,
    segments: contact.segments,
    leadScore: contact.leadScore,
    createdAt: contact.createdAt.toISOString(),
    updatedAt: contact.updatedAt.toISOString(),
    lastEmailAt: contact.lastEmailAt?.toISOString() ?? null,
  };
}

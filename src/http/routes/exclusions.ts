import { createRoute, z } from '@hono/zod-openapi';
import { text } from '../../automations/text.ts';
import type { ContactDeps } from '../../contacts/deps.ts';
import {
  addExclusion,
  listExclusions,
  proposedOwnDomains,
  removeExclusion,
  restoreExclusion,
} from '../../contacts/exclusions.ts';
import type { Db } from '../../db/open.ts';
import { countCovered } from '../../log/count-covered.ts';
import { isPublicDomain } from '../../providers/detect.ts';
import { exclusionSchema, exclusionScopes, presentExclusion } from '../presenters/exclusion.ts';
import { pageOf, paging, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Exclusions'];

const list = createRoute({
  method: 'get',
  path: '/exclusions',
  tags,
  summary: "The account's exclusions, or your own ones, by value",
  request: { query: z.object({ ...paging, scope: exclusionScopes.default('account') }) },
  responses: responses(200, 'A page of exclusions', pageOf(exclusionSchema)),
});

const add = createRoute({
  method: 'post',
  path: '/exclusions',
  tags,
  summary:
    "Exclude an address or a domain with its subdomains from now on. Such contacts get no mail in their log; others on the same message do. The account's are for admins",
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            scope: exclusionScopes,
            value: text(320).openapi({ description: 'ben@example.com, or example.com' }),
            ownDomain: z.boolean().default(false).openapi({ description: 'Everybody at the domain is a colleague' }),
            evenIfPublic: z
              .boolean()
              .default(false)
              .openapi({ description: 'Exclude a domain although everybody can have an address there' }),
          }),
        },
      },
    },
  },
  responses: responses(
    201,
    'The exclusion; loggedEmails: those with it that you may see in the log, which stay there',
    exclusionSchema.extend({ loggedEmails: z.int() }).openapi('AddedExclusion'),
  ),
});

const remove = createRoute({
  method: 'delete',
  path: '/exclusions/{id}',
  tags,
  summary:
    "Remove an exclusion: the mail that it kept out since the connections' start is fetched and logged; nothing fires",
  request: { params },
  responses: responses(
    200,
    'What comes back: messages to be fetched, and emails that were there already because of others',
    z.object({ due: z.int(), logged: z.int() }),
  ),
});

const restore = createRoute({
  method: 'post',
  path: '/exclusions/{id}/restore',
  tags,
  summary: 'Undo the removal of an exclusion; what was logged meanwhile stays',
  request: { params },
  responses: responses(200, 'The exclusion', exclusionSchema),
});

const proposals = createRoute({
  method: 'get',
  path: '/exclusions/proposed-domains',
  tags,
  summary:
    "Domains of connected mailboxes and sign-ins that may be the account's own; public mail domains are never proposed",
  responses: responses(200, 'The domains', z.array(z.string())),
});

/** /exclusions */
export function exclusionRoutes({ db, contacts }: { db: Db; contacts: Pick<ContactDeps, 'findLateMail'> }) {
  return router()
    .openapi(list, async (c) => {
      const { scope, ...page } = c.req.valid('query');
      const { items, nextCursor } = await listExclusions(db, c.get('viewer'), scope, page);
      return c.json({ items: items.map(presentExclusion), nextCursor }, 200);
    })
    .openapi(add, async (c) => {
      const viewer = c.get('viewer');
      const exclusion = await addExclusion(db, { isPublicDomain }, viewer, c.req.valid('json'));
      const loggedEmails = await countCovered(db, viewer, exclusion);
      return c.json({ ...presentExclusion(exclusion), loggedEmails }, 201);
    })
    .openapi(remove, async (c) =>
      c.json(await removeExclusion(db, contacts, c.get('viewer'), c.req.valid('param').id), 200),
    )
    .openapi(restore, async (c) =>
      c.json(presentExclusion(await restoreExclusion(db, c.get('viewer'), c.req.valid('param').id)), 200),
    )
    .openapi(proposals, async (c) =>
      c.json(await proposedOwnDomains(db, isPublicDomain, c.get('viewer').accountId), 200),
    );
}

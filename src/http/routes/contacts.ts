import { createRoute, z } from '@hono/zod-openapi';
import { listRunsOfContact } from '../../automations/list-runs.ts';
import { isVisible, searchText, text } from '../../automations/text.ts';
import { deleteContact } from '../../contacts/delete.ts';
import type { ContactDeps } from '../../contacts/deps.ts';
import { highestLeadScore } from '../../contacts/lead-score.ts';
import { contactSorts, listContacts } from '../../contacts/list.ts';
import { loadContact } from '../../contacts/load.ts';
import { createContact, updateContact } from '../../contacts/save.ts';
import type { Db } from '../../db/open.ts';
import { listConversations } from '../../log/conversations.ts';
import { listLog } from '../../log/query.ts';
import { contactSchema, presentContact } from '../presenters/contact.ts';
import { logLineSchema, presentLogLine } from '../presenters/log-item.ts';
import { noContent, pageOf, paging, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Contacts'];
const time = () => z.string().openapi({ format: 'date-time' });

const name = text(200).refine(
  (value) => value === '' || isVisible(value),
  'Enter letters that can be seen, or nothing.',
);

const fields = z.object({
  firstName: name.optional(),
  lastName: name.optional(),
  company: name.optional(),
  addresses: z.array(text(320)).max(100).optional().openapi({ description: 'The first is the primary one' }),
  ownerId: z.uuid().nullable().optional(),
  stageId: z.uuid().nullable().optional(),
  // The limits first: of two complaints the first is told, and that a number isn't safe says nothing to anybody.
  leadScore: z.number().min(-highestLeadScore).max(highestLeadScore).int().optional(),
  tagIds: z.array(z.uuid()).max(200).optional(),
  segmentIds: z.array(z.uuid()).max(200).optional(),
});
const body = { required: true, content: { 'application/json': { schema: fields } } };

const list = createRoute({
  method: 'get',
  path: '/contacts',
  tags,
  summary: 'List, search and filter contacts',
  request: {
    query: z.object({
      ...paging,
      q: searchText(200)
        .optional()
        .openapi({ description: 'Each word must be part of the names, the company or an address' }),
      sort: z
        .enum(contactSorts.flatMap((sort) => [sort, `-${sort}`] as const))
        .default('name')
        .openapi({ description: 'With a leading minus: falling' }),
      ownerId: z.union([z.literal('none'), z.uuid()]).optional(),
      stageId: z.uuid().optional(),
      tagId: z.uuid().optional(),
      segmentId: z.uuid().optional(),
    }),
  },
  responses: responses(200, 'A page of contacts', pageOf(contactSchema)),
});

const create = createRoute({
  method: 'post',
  path: '/contacts',
  tags,
  summary: "Create a contact. Mail since the connections' start from and to its addresses is found and logged",
  request: { body },
  responses: responses(201, 'The contact', contactSchema),
});

const get = createRoute({
  method: 'get',
  path: '/contacts/{id}',
  tags,
  summary: 'Get a contact',
  request: { params },
  responses: responses(200, 'The contact', contactSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/contacts/{id}',
  tags,
  summary: 'Change a contact; addresses, tags and segments are replaced as a whole',
  request: { params, body },
  responses: responses(200, 'The contact', contactSchema),
});

const remove = createRoute({
  method: 'delete',
  path: '/contacts/{id}',
  tags,
  summary: 'Delete a contact with its log, and erase the messages that no other contact has',
  request: { params },
  responses: noContent('Deleted'),
});

const log = createRoute({
  method: 'get',
  path: '/contacts/{id}/log',
  tags,
  summary: "A contact's log as you may see it, newest first; or one conversation of it, oldest first",
  request: {
    params,
    query: z.object({
      ...paging,
      view: z
        .enum(['items', 'conversations'])
        .default('items')
        .openapi({ description: 'By conversation: of each the newest email. What is no email stands alone' }),
      threadId: z.uuid().optional().openapi({ description: "This conversation's emails, oldest first" }),
    }),
  },
  responses: responses(200, 'A page of log items', pageOf(logLineSchema)),
});

const runs = createRoute({
  method: 'get',
  path: '/contacts/{id}/runs',
  tags,
  summary: "A contact's latest ways through automation maps, those under way first",
  request: { params },
  responses: responses(
    200,
    'The runs',
    z.array(
      z.object({
        id: z.string(),
        map: z.object({ id: z.string(), name: z.string() }),
        state: z.enum(['running', 'waiting', 'ended', 'failed']),
        element: z.object({ id: z.string(), label: z.string() }),
        since: time(),
        dueAt: time().nullable(),
        error: z.string().nullable(),
        startedAt: time(),
        endedAt: time().nullable(),
      }),
    ),
  ),
});

/** /contacts */
export function contactRoutes({ db, contacts }: { db: Db; contacts: ContactDeps }) {
  return router()
    .openapi(list, async (c) => {
      const page = await listContacts(db, contacts, c.get('viewer'), c.req.valid('query'));
      return c.json({ ...page, items: page.items.map(presentContact) }, 200);
    })
    .openapi(create, async (c) =>
      c.json(presentContact(await createContact(db, contacts, c.get('viewer'), c.req.valid('json'))), 201),
    )
    .openapi(get, async (c) =>
      c.json(presentContact(await loadContact(db, contacts, c.get('viewer'), c.req.valid('param').id)), 200),
    )
    .openapi(edit, async (c) => {
      const { id } = c.req.valid('param');
      return c.json(presentContact(await updateContact(db, contacts, c.get('viewer'), id, c.req.valid('json'))), 200);
    })
    .openapi(remove, async (c) => {
      await deleteContact(db, contacts, c.get('viewer').accountId, c.req.valid('param').id);
      return c.body(null, 204);
    })
    .openapi(log, async (c) => {
      const { view, ...query } = c.req.valid('query');
      const byConversation = view === 'conversations' && query.threadId === undefined;
      const read = byConversation ? listConversations : listLog;
      const page = await read(db, c.get('viewer'), c.req.valid('param').id, query);
      return c.json({ ...page, items: page.items.map(presentLogLine) }, 200);
    })
    .openapi(runs, async (c) => {
      const { id } = c.req.valid('param');
      await loadContact(db, contacts, c.get('viewer'), id);
      const all = await listRunsOfContact(db, c.get('viewer').accountId, id);
      return c.json(
        all.map((run) => ({
          id: run.id,
          map: run.map,
          state: run.state,
          element: run.element,
          since: run.since.toISOString(),
          dueAt: run.dueAt?.toISOString() ?? null,
          error: run.error,
          startedAt: run.startedAt.toISOString(),
          endedAt: run.endedAt?.toISOString() ?? null,
        })),
        200,
      );
    });
}

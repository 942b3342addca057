import { createRoute, z } from '@hono/zod-openapi';
import { searchText, text } from '../../automations/text.ts';
import { requireConnection } from '../../connections/access.ts';
import { connect } from '../../connections/connect.ts';
import { deleteConnection } from '../../connections/delete.ts';
import type { DeleteDeps, MailboxDeps } from '../../connections/deps.ts';
import { connectionEffects } from '../../connections/effects.ts';
import { chooseFolders } from '../../connections/folders.ts';
import { connectionSorts, listConnections } from '../../connections/list.ts';
import { updateConnection } from '../../connections/pause.ts';
import { reauthenticate } from '../../connections/reauthenticate.ts';
import { setSenderCheck } from '../../connections/sender-check.ts';
import { tryNow } from '../../connections/try-now.ts';
import { viewConnection } from '../../connections/view.ts';
import type { Db } from '../../db/open.ts';
import { detect } from '../../providers/detect.ts';
import { imapSettings } from '../../providers/imap-settings.ts';
import { connectionSchema, mailboxSettings, presentConnection } from '../presenters/connection.ts';
import { noContent, pageOf, paging, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Connections'];
const address = text(320);
const password = z.string().min(1, 'Enter the password.').max(1000);
const sharing = z.enum(['everything', 'private']);

const list = createRoute({
  method: 'get',
  path: '/connections',
  tags,
  summary: "List one's own connections, or (admins) everybody's",
  request: {
    query: z.object({
      ...paging,
      scope: z.enum(['mine', 'account']).default('mine'),
      q: searchText(200).optional().openapi({ description: "Part of the address, the owner's name or the provider" }),
      sort: z.enum(connectionSorts.flatMap((sort) => [sort, `-${sort}`] as const)).default('address'),
      state: z
        .enum(['connecting', 'importing', 'active', 'catching_up', 'paused', 'needs_sign_in', 'failing'])
        .optional(),
      provider: text(50).optional(),
    }),
  },
  responses: responses(200, 'A page of connections', pageOf(connectionSchema)),
});

const get = createRoute({
  method: 'get',
  path: '/connections/{id}',
  tags,
  summary: 'Get a connection with its folders and counts',
  request: { params },
  responses: responses(200, 'The connection', connectionSchema),
});

const find = createRoute({
  method: 'post',
  path: '/connections/detect',
  tags,
  summary: 'The likely provider and settings of an address; asks nobody',
  request: { body: { required: true, content: { 'application/json': { schema: z.object({ address }) } } } },
  responses: responses(
    200,
    'What to try',
    z.object({
      provider: z.literal('imap'),
      name: z.string(),
      settings: mailboxSettings,
      known: z.boolean().openapi({ description: 'False: the settings are only likely' }),
      hint: z.string().optional(),
    }),
  ),
});

const create = createRoute({
  method: 'post',
  path: '/connections',
  tags,
  summary: 'Connect a mailbox: signs in and lists its folders. Choose folders next',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            address,
            provider: z.literal('imap'),
            settings: imapSettings,
            password,
            sharing: sharing.default('everything'),
          }),
        },
      },
    },
  },
  responses: responses(
    201,
    'The connection',
    connectionSchema.extend({
      warnings: z.array(z.string()).openapi({ description: 'Contacts whose address is now an own one' }),
    }),
  ),
});

const folders = createRoute({
  method: 'put',
  path: '/connections/{id}/folders',
  tags,
  summary: 'Choose the folders to sync (the mailbox’s owner); the first time syncing begins',
  request: {
    params,
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ folderIds: z.array(z.uuid()).max(10_000) }) } },
    },
  },
  responses: responses(200, 'The connection', connectionSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/connections/{id}',
  tags,
  summary: 'Pause a connection or let it go on; change its sharing (the mailbox’s owner)',
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': { schema: z.object({ sharing: sharing.optional(), paused: z.boolean().optional() }) },
      },
    },
  },
  responses: responses(200, 'The connection', connectionSchema),
});

const senders = createRoute({
  method: 'put',
  path: '/connections/{id}/sender-check',
  tags,
  summary: 'Say whose word counts about senders from now on; learned: it is found out (again)',
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.discriminatedUnion('by', [
            z.object({ by: z.literal('learned') }),
            z.object({
              by: z.literal('given'),
              authservId: text(255).openapi({
                description:
                  "What the mailbox's server writes first in its Authentication-Results fields; *.example.com stands for all hosts of it",
              }),
            }),
            z.object({ by: z.literal('off') }),
          ]),
        },
      },
    },
  },
  responses: responses(200, 'The connection', connectionSchema),
});

const signIn = createRoute({
  method: 'post',
  path: '/connections/{id}/sign-in',
  tags,
  summary: 'Sign in again (the mailbox’s owner); what was missed is caught up',
  request: {
    params,
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ password, settings: imapSettings.optional() }) } },
    },
  },
  responses: responses(200, 'The connection', connectionSchema),
});

const tryAgain = createRoute({
  method: 'post',
  path: '/connections/{id}/try',
  tags,
  summary: 'Try a failing connection at once',
  request: { params },
  responses: noContent('It is being tried'),
});

const effects = createRoute({
  method: 'get',
  path: '/connections/{id}/effects',
  tags,
  summary: 'How many log items deleting the connection, or making it private, concerns',
  request: { params },
  responses: responses(
    200,
    'The numbers',
    z.object({
      logItems: z.int(),
      onlyHere: z.int().openapi({ description: 'Those that no other connection holds' }),
      hiddenIfPrivate: z.int().openapi({ description: 'Those that everybody sees now' }),
    }),
  ),
});

const remove = createRoute({
  method: 'delete',
  path: '/connections/{id}',
  tags,
  summary: 'Delete a connection; keep what it logged, or erase what no other connection holds',
  request: { params, query: z.object({ log: z.enum(['keep', 'erase']).default('keep') }) },
  responses: noContent('Deleted'),
});

/** /connections */
export function connectionRoutes({
  db,
  mailboxes,
  deletion,
}: {
  db: Db;
  mailboxes: MailboxDeps;
  deletion: DeleteDeps;
}) {
  return router()
    .openapi(list, async (c) => {
      const page = await listConnections(db, c.get('viewer'), c.req.valid('query'));
      return c.json({ ...page, items: page.items.map(presentConnection) }, 200);
    })
    .openapi(get, async (c) => {
      const { id } = c.req.valid('param');
      await requireConnection(db, c.get('viewer'), id, { as: 'manager' });
      return c.json(presentConnection(await viewConnection(db, c.get('viewer').accountId, id)), 200);
    })
    .openapi(find, (c) => {
      const { provider, name, settings, known, hint } = detect(c.req.valid('json').address);
      return c.json({ provider, name, settings, known, ...(hint === undefined ? {} : { hint }) }, 200);
    })
    .openapi(create, async (c) => {
      const { password: secret, ...input } = c.req.valid('json');
      const made = await connect(db, mailboxes, c.get('viewer'), { ...input, credentials: { password: secret } });
      return c.json({ ...presentConnection(made.connection), warnings: made.warnings }, 201);
    })
    .openapi(folders, async (c) => {
      const { id } = c.req.valid('param');
      const connection = await chooseFolders(db, mailboxes, c.get('viewer'), id, c.req.valid('json').folderIds);
      return c.json(presentConnection(connection), 200);
    })
    .openapi(edit, async (c) =>
      c.json(
        presentConnection(await updateConnection(db, c.get('viewer'), c.req.valid('param').id, c.req.valid('json'))),
        200,
      ),
    )
    .openapi(senders, async (c) => {
      const { id } = c.req.valid('param');
      return c.json(presentConnection(await setSenderCheck(db, c.get('viewer'), id, c.req.valid('json'))), 200);
    })
    .openapi(signIn, async (c) => {
      const { password: secret, settings } = c.req.valid('json');
      const input = { credentials: { password: secret }, settings };
      return c.json(
        presentConnection(await reauthenticate(db, mailboxes, c.get('viewer'), c.req.valid('param').id, input)),
        200,
      );
    })
    .openapi(tryAgain, async (c) => {
      await tryNow(db, c.get('viewer'), c.req.valid('param').id);
      return c.body(null, 204);
    })
    .openapi(effects, async (c) => c.json(await connectionEffects(db, c.get('viewer'), c.req.valid('param').id), 200))
    .openapi(remove, async (c) => {
      const { log } = c.req.valid('query');
      await deleteConnection(db, deletion, c.get('viewer'), c.req.valid('param').id, log);
      return c.body(null, 204);
    });
}

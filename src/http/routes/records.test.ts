import type { Blobs } from '../../blobs/blobs.ts';
import { Readable } from 'node:stream';
import { OpenAPIHono } from '@hono/zod-openapi';
import { hc } from 'hono/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../../test/fixtures/mail.ts';
import { insertConnection, insertMail, makeTeam, sealer } from '../../../test/fixtures/records.ts';
import { testDatabase } from '../../../test/servers/postgres.ts';
import type { TestDatabase } from '../../../test/servers/postgres.ts';
import { accountKey } from '../../accounts/account-key.ts';
import type { Viewer } from '../../accounts/viewer.ts';
import type { Db } from '../../db/open.ts';
import { AppError } from '../../errors.ts';
import { contactDeps, eraseDeps } from '../../log/for-contacts.ts';
import { parseMessage } from '../../mail/parse-message.ts';
import { openPart } from '../../mail/part.ts';
import { createAddressGuard } from '../../net/guard.ts';
import { memoryProvider } from '../../providers/memory/provider.ts';
import { MemoryServer } from '../../providers/memory/server.ts';
import { problemResponse } from '../errors.ts';
import type { ApiEnv } from '../router.ts';
import { connectionRoutes } from './connections.ts';
import { contactRoutes } from './contacts.ts';
import { logRoutes } from './log.ts';
import { segmentRoutes } from './segments.ts';
import { stageRoutes } from './stages.ts';
import { tagRoutes } from './tags.ts';
import { whyRoutes } from './why.ts';

let database: TestDatabase;
let db: Db;
let accountId: string;
let owner: Viewer;
let stranger: Viewer;
const blobs = new Map<string, string>();
const server = new MemoryServer();

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  const team = await makeTeam(db);
  accountId = team.accountId;
  owner = team.viewers[0]!;
  stranger = (await makeTeam(db)).viewers[0]!;
});

const inMemory = {
  open: async (_account: string, key: string) => Readable.from([Buffer.from(blobs.get(key)!)]),
  remove: async (_account: string, keys: readonly string[]) => keys.forEach((key) => blobs.delete(key)),
};

function appFor(viewer: Viewer, store: Pick<Blobs, 'open' | 'remove'> = inMemory) {
  const app = new OpenAPIHono<ApiEnv>();
  app.use(async (c, next) => {
    c.set('viewer', viewer);
    await next();
  });
  app.onError((error) =>
    problemResponse(error instanceof AppError ? error : new AppError('internal', String(error.stack))),
  );
  return app
    .route('/', contactRoutes({ db, contacts: contactDeps({ sealer, blobs: store }) }))
    .route('/', tagRoutes({ db }))
    .route('/', segmentRoutes({ db }))
    .route('/', stageRoutes({ db }))
    .route('/', logRoutes({ db, blobs: store, parser: { parse: parseMessage }, openPart }))
    .route('/', whyRoutes({ db, hashKey: (handle, id) => accountKey(handle, sealer, id) }))
    .route(
      '/',
      connectionRoutes({
        db,
        mailboxes: { providers: { imap: memoryProvider(server) }, sealer, guard: createAddressGuard([]) },
        deletion: eraseDeps({ blobs: store }),
      }),
    );
}

async function ask(method: string, path: string, body?: object, viewer = owner) {
  const response = await appFor(viewer).request(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return {
    status: response.status,
    headers: response.headers,
    // oxlint-disable-next-line typescript/no-explicit-any -- what the routes answer is what is under test
    body: (response.status === 204 ? null : await response.json()) as any,
  };
}

const settings = (user: string) => ({ host: 'imap.acme.example', port: 993, security: 'tls', user });

test('a contact lives its life over HTTP', async () => {
  const tag = (await ask('POST', '/tags', { name: 'VIP' })).body;
  const segment = (await ask('POST', '/segments', { name: 'News' })).body;
  const [stage] = (await ask('GET', '/stages')).body;
  const made = await ask('POST', '/contacts', {
    firstName: 'Grace',
    addresses: ['grace@navy.example'],
    stageId: stage.id,
    tagIds: [tag.id],
    segmentIds: [segment.id],
  });
  expect(made).toMatchObject({ status: 201, body: { name: 'Grace', tags: [{ name: 'VIP' }], lastEmailAt: null } });
  expect(made.body.createdAt).toMatch(/^\d{4}-.*Z$/);
  const path = `/contacts/${made.body.id}`;
  expect((await ask('PATCH', path, { leadScore: 5, ownerId: owner.userId })).body).toMatchObject({
    leadScore: 5,
    owner: { id: owner.userId },
  });
  expect((await ask('GET', '/contacts?q=navy&sort=-leadScore&ownerId=none')).body).toEqual({
    items: [],
    nextCursor: null,
  });
  expect((await ask('GET', `/contacts?q=navy&tagId=${tag.id}&limit=1`)).body.items).toHaveLength(1);
  expect((await ask('GET', `${path}/log`)).body.items).toMatchObject([
    { kind: 'stage_change', stageChange: { from: null, to: 'New' }, actor: { id: owner.userId } },
  ]);
  expect((await ask('GET', `${path}/runs`)).body).toEqual([]);
  expect((await ask('GET', '/segments')).body).toEqual([{ id: segment.id, name: 'News', contactCount: 1 }]);
  expect((await ask('DELETE', path)).status).toBe(204);
  expect(await ask('GET', path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test('what is not valid is refused with the field at fault', async () => {
  for (const [method, path, body, at] of [
    ['POST', '/contacts', { leadScore: 'much' }, 'leadScore'],
    ['POST', '/contacts', { firstName: 'a\0b' }, 'firstName'],
    ['POST', '/contacts', { addresses: ['nonsense'] }, 'addresses.0'],
    ['GET', '/contacts?sort=shoeSize', undefined, 'sort'],
    ['GET', '/contacts?limit=0', undefined, 'limit'],
    ['GET', '/contacts?cursor=x', undefined, 'cursor'],
    ['POST', '/tags', { name: ' ' }, 'name'],
    ['GET', '/why?messageId=%3C%3E', undefined, 'messageId'],
    [
      'POST',
      '/connections',
      { address: 'a@b.example', provider: 'imap', settings: {}, password: 'x' },
      'settings.host',
    ],
  ] as const) {
    expect(await ask(method, path, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid', errors: expect.arrayContaining([expect.objectContaining({ path: at })]) },
    });
  }
});

test('a connection lives its life over HTTP, and no answer holds its password', async () => {
  const mailbox = server.mailbox('jane@acme.example', 'correct horse');
  const answers: unknown[] = [];
  const say = async (...args: Parameters<typeof ask>) => {
    const answer = await ask(...args);
    answers.push(answer.body);
    return answer;
  };
  expect((await say('POST', '/connections/detect', { address: 'jane@gmail.com' })).body).toMatchObject({
    provider: 'imap',
    known: true,
    settings: { host: 'imap.gmail.com' },
  });
  const input = { address: 'jane@acme.example', provider: 'imap', settings: settings('jane@acme.example') };
  const refused = await say('POST', '/connections', { ...input, password: 'wrong horse' });
  expect(refused).toMatchObject({
    status: 422,
    body: { code: 'mailbox_refused', detail: 'The server refused this password.' },
  });
  const made = await say('POST', '/connections', { ...input, password: 'correct horse' });
  expect(made).toMatchObject({
    status: 201,
    body: { state: 'connecting', sharing: 'everything', warnings: [], settings: input.settings },
  });
  const path = `/connections/${made.body.id}`;
  const folderIds = made.body.folders
    .filter((folder: { proposed: boolean }) => folder.proposed)
    .map((one: { id: string }) => one.id);
  expect((await say('PUT', `${path}/folders`, { folderIds })).body.state).toBe('active');
  expect((await say('PATCH', path, { paused: true, sharing: 'private' })).body).toMatchObject({
    state: 'paused',
    sharing: 'private',
  });
  expect((await say('PATCH', path, { paused: false })).body.state).toBe('active');
  mailbox.password = 'battery staple';
  expect((await say('POST', `${path}/sign-in`, { password: 'battery staple' })).status).toBe(200);
  expect((await say('GET', `${path}/effects`)).body).toEqual({ logItems: 0, onlyHere: 0, hiddenIfPrivate: 0 });
  expect((await say('GET', '/connections?scope=account&sort=-lastSyncedAt')).body.items).toHaveLength(1);
  expect((await say('GET', path)).status).toBe(200);
  expect((await ask('DELETE', `${path}?log=erase`)).status).toBe(204);
  expect((await say('GET', '/connections')).body.items).toEqual([]);
  for (const secret of ['correct horse', 'wrong horse', 'battery staple'])
    expect(JSON.stringify(answers)).not.toContain(secret);
});

describe('an email', () => {
  async function receive() {
    const connection = await insertConnection(db, owner, { sharing: 'private' });
    const { id } = (await ask('POST', '/contacts', { firstName: 'Grace' })).body;
    const html = {
      filename: 'page "ü".html',
      contentType: 'text/html',
      content: Buffer.from('<script>alert(1)</script>'),
    };
    const image = { filename: 'pixel.png', contentType: 'image/png', content: Buffer.from('pixels') };
    blobs.set('raw', mail({ from: 'grace@navy.example', to: connection.address, attachments: [html, image] }));
    const { itemIds, messageId } = await insertMail(db, accountId, {
      in: [connection],
      contacts: [{ id, address: 'grace@navy.example' }],
      raw: 'raw',
      internetMessageId: 'known@navy.example',
    });
    for (const [at, part] of [html, image].entries()) {
      await db
        .insertInto('attachment')
        .values({
          account_id: accountId,
          message_id: messageId,
          part: String(at + 2),
          filename: part.filename,
          content_type: part.contentType,
          size: 6,
        })
        .execute();
    }
    return { connection, contactId: id as string, itemId: itemIds[0]! };
  }

  test('is read, explained and counted', async () => {
    const { itemId, contactId, connection } = await receive();
    expect((await ask('GET', `/log/${itemId}`)).body).toMatchObject({
      mailboxes: [{ connectionId: connection.id }],
      message: { internetMessageId: 'known@navy.example', bcc: [], attachments: [{ part: '2' }, { part: '3' }] },
    });
    expect((await ask('GET', `/log/${itemId}/why`)).body).toMatchObject({
      messageId: 'known@navy.example',
      sightings: [{ state: 'logged', rule: 'contact', folder: 'INBOX' }],
    });
    expect((await ask('GET', '/why?messageId=unknown@x')).body).toMatchObject({
      sightings: [],
      messageId: 'unknown@x',
    });
    expect((await ask('GET', `/contacts/${contactId}`)).body.lastEmailAt).not.toBeNull();
    expect((await ask('GET', `/connections/${connection.id}`)).body.counts).toEqual({
      logged: 1,
      skipped: 0,
      quarantined: 0,
    });
  });

  test('has attachments that are downloaded and never run; only pixels are shown in place', async () => {
    const { itemId } = await receive();
    const get = (query: string) => appFor(owner).request(`/log/${itemId}/attachments/${query}`);
    const page = await get('2?inline=1');
    expect(await page.text()).toBe('<script>alert(1)</script>');
    expect(page.headers.get('content-type')).toBe('application/octet-stream');
    expect(page.headers.get('content-disposition')).toBe(
      `attachment; filename="page ___.html"; filename*=UTF-8''page%20%22%C3%BC%22.html`,
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('content-security-policy')).toContain('sandbox');
    const pixels = await get('3?inline=1');
    expect([pixels.headers.get('content-type'), await pixels.text()]).toEqual(['image/png', 'pixels']);
    expect(pixels.headers.get('content-disposition')).toMatch(/^inline/);
    expect((await get('3')).headers.get('content-disposition')).toMatch(/^attachment/);
    expect((await get('9')).status).toBe(404);
  });

  test('holds no file open for who asks only for the head of a large attachment', async () => {
    const { itemId } = await receive();
    let opened: Readable | null = null;
    async function* endless() {
      yield Buffer.from(
        'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: text/html\r\n\r\n',
      );
      for (;;) yield Buffer.from('x'.repeat(76) + '\r\n');
    }
    const store = { open: async () => (opened = Readable.from(endless())), remove: async () => {} };
    const head = await appFor(owner, store).request(`/log/${itemId}/attachments/2`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    await expect.poll(() => opened?.destroyed).toBe(true);
  });

  test('and all else of an account is out of reach for another one', async () => {
    const { itemId, contactId, connection } = await receive();
    const tag = (await ask('POST', '/tags', { name: 'VIP' })).body;
    const segment = (await ask('POST', '/segments', { name: 'News' })).body;
    const [stage] = (await ask('GET', '/stages')).body;
    const tries: [string, string, object?][] = [
      ['GET', `/contacts/${contactId}`],
      ['PATCH', `/contacts/${contactId}`, { firstName: 'X' }],
      ['DELETE', `/contacts/${contactId}`],
      ['GET', `/contacts/${contactId}/log`],
      ['GET', `/contacts/${contactId}/runs`],
      ['GET', `/log/${itemId}`],
      ['GET', `/log/${itemId}/why`],
      ['GET', `/log/${itemId}/attachments/2`],
      ['PATCH', `/tags/${tag.id}`, { name: 'X' }],
      ['DELETE', `/tags/${tag.id}`],
      ['PATCH', `/segments/${segment.id}`, { name: 'X' }],
      ['DELETE', `/segments/${segment.id}`],
      ['PATCH', `/stages/${stage.id}`, { name: 'X' }],
      ['DELETE', `/stages/${stage.id}`],
      ['GET', `/connections/${connection.id}`],
      ['GET', `/connections/${connection.id}/effects`],
      ['PUT', `/connections/${connection.id}/folders`, { folderIds: [connection.folderId] }],
      ['PATCH', `/connections/${connection.id}`, { paused: true }],
      ['POST', `/connections/${connection.id}/sign-in`, { password: 'x' }],
      ['DELETE', `/connections/${connection.id}?log=erase`],
    ];
    for (const [method, path, body] of tries) {
      expect([method, path, (await ask(method, path, body, stranger)).status]).toEqual([method, path, 404]);
    }
    for (const path of ['/contacts', '/connections?scope=account', '/tags', '/segments']) {
      const { body } = await ask('GET', path, undefined, stranger);
      expect(body.items ?? body).toEqual([]);
    }
    expect((await ask('GET', `/log/${itemId}`)).status).toBe(200);
  });
});

test('the typed client knows the routes', () => {
  const client = hc<ReturnType<typeof appFor>>('http://localhost');
  expect(client.contacts[':id'].log.$url({ param: { id: 'x' }, query: {} }).pathname).toBe('/contacts/x/log');
  expect(client.connections[':id'].folders.$url({ param: { id: 'x' } }).pathname).toBe('/connections/x/folders');
});

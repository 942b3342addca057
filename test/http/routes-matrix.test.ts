import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApiKey } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/create-account.ts';
import { createDefaultStages } from '../../src/contacts/default-stages.ts';
import { publicRoutes } from '../../src/http/auth.ts';
import { insertConnection, insertMail } from '../fixtures/records.ts';
import { join, ownerOf, send, startHttp } from './start-http.ts';
import type { Http } from './start-http.ts';

/**
 * Every route of the API and who may call it. A new route must be added here:
 * 'public' without signing in; 'member' every member; 'own' every member, for what is theirs; 'admin' owners and admins.
 */
const golden: Record<string, 'public' | 'member' | 'own' | 'admin'> = {
  'GET /setup': 'public',
  'POST /setup': 'public',
  'GET /invitations/by-token/:token': 'public',
  'POST /invitations/by-token/:token/accept': 'public',
  'GET /openapi.json': 'public',
  'GET /docs': 'public',

  'GET /me': 'member',
  'PATCH /me': 'member',
  'PUT /me/account': 'own',
  'GET /account': 'member',
  'PATCH /account': 'admin',
  'GET /members': 'member',
  'PATCH /members/:userId': 'admin',
  'DELETE /members/:userId': 'admin',
  'GET /invitations': 'admin',
  'POST /invitations': 'admin',
  'DELETE /invitations/:id': 'admin',
  'GET /api-keys': 'own',
  'POST /api-keys': 'own',
  'DELETE /api-keys/:id': 'own',
  'GET /events': 'member',

  'GET /contacts': 'member',
  'POST /contacts': 'member',
  'GET /contacts/:id': 'member',
  'PATCH /contacts/:id': 'member',
  'DELETE /contacts/:id': 'member',
  'GET /contacts/:id/log': 'member',
  'GET /contacts/:id/runs': 'member',
  'GET /exclusions': 'own',
  'POST /exclusions': 'own',
  'GET /exclusions/proposed-domains': 'member',
  'DELETE /exclusions/:id': 'own',
  'POST /exclusions/:id/restore': 'own',
  'GET /tags': 'member',
  'POST /tags': 'member',
  'PATCH /tags/:id': 'member',
  'DELETE /tags/:id': 'member',
  'GET /segments': 'member',
  'POST /segments': 'member',
  'PATCH /segments/:id': 'member',
  'DELETE /segments/:id': 'member',
  'GET /stages': 'member',
  'POST /stages': 'member',
  'PATCH /stages/:id': 'member',
  'DELETE /stages/:id': 'member',

  'GET /connections': 'own',
  'POST /connections': 'own',
  'POST /connections/detect': 'member',
  'GET /connections/:id': 'own',
  'PATCH /connections/:id': 'own',
  'DELETE /connections/:id': 'own',
  'PUT /connections/:id/folders': 'own',
  'PUT /connections/:id/sender-check': 'own',
  'POST /connections/:id/sign-in': 'own',
  'POST /connections/:id/try': 'own',
  'GET /connections/:id/effects': 'own',
  'GET /connections/:id/checks': 'own',
  'POST /connections/:id/checks': 'own',
  'GET /connections/:id/checks/:checkId': 'own',
  'GET /connections/:id/outages': 'own',
  'GET /outages': 'own',
  'PUT /outages/:id/notice': 'own',
  'GET /connections/:id/quarantine': 'own',
  'POST /connections/:id/quarantine/:sightingId': 'own',
  'GET /connections/:id/history': 'own',
  'POST /connections/:id/history': 'own',
  'PATCH /connections/:id/history': 'own',

  'GET /log/:id': 'member',
  'GET /log/:id/attachments/:part': 'member',
  'GET /log/:id/why': 'member',
  'GET /why': 'member',
  'GET /tasks': 'member',
  'POST /tasks': 'member',
  'PATCH /tasks/:id': 'member',
  'GET /maps': 'member',
  'POST /maps': 'member',
  'GET /maps/:id': 'member',
  'PATCH /maps/:id': 'member',
  'DELETE /maps/:id': 'member',
  'POST /maps/:id/publish': 'member',
  'POST /maps/:id/pause': 'member',
  'POST /maps/:id/resume': 'member',
  'GET /maps/:id/firings': 'member',
};

let http: Http;
let owner: Awaited<ReturnType<typeof ownerOf>>;
let member: Awaited<ReturnType<typeof ownerOf>>;
/** Ids of another account, by the first word of the path. */
let others: Record<string, string>;

beforeAll(async () => {
  http = await startHttp();
  owner = await ownerOf(http);
  member = await join(http, owner, 'mia@letterlog.test', 'member');
  others = await anotherAccount(http);
});
afterAll(() => http[Symbol.asyncDispose]());

/** Every operation that the app really has, as "METHOD /path". */
function routes(): string[] {
  const found = http.app.routes
    .filter(({ method, path }) => method !== 'ALL' && path.startsWith('/api/v1/') && !path.includes('*'))
    .map(({ method, path }) => `${method} ${path.slice('/api/v1'.length)}`);
  return [...new Set(found)].sort();
}

const fill = (route: string, value: (name: string) => string) =>
  route.replaceAll(/:(\w+)/g, (_, name: string) => value(name));

function call(route: string, id: (name: string) => string, options: Parameters<typeof send>[3]) {
  const [method, path] = route.split(' ') as [string, string];
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? (bodies[route] ?? {}) : undefined;
  return send(http, method, `/api/v1${fill(path, id)}`, { ...options, body });
}

/** Bodies that are valid, so that not the body is what is refused. */
const bodies: Record<string, object> = {
  'PATCH /contacts/:id': { firstName: 'Taken' },
  'PATCH /tags/:id': { name: 'Taken' },
  'PATCH /segments/:id': { name: 'Taken' },
  'PATCH /stages/:id': { name: 'Taken' },
  'PATCH /tasks/:id': { subject: 'Taken' },
  'PATCH /maps/:id': { name: 'Taken' },
  'PATCH /members/:userId': { role: 'member' },
  'PATCH /connections/:id': { paused: true },
  'PATCH /account': { name: 'Taken' },
  'POST /invitations': { email: 'taken@letterlog.test' },
  'PUT /connections/:id/sender-check': { by: 'off' },
  'POST /connections/:id/sign-in': { password: 'secret' },
  'PUT /outages/:id/notice': { notice: 'dismissed' },
  'PATCH /connections/:id/history': { state: 'paused' },
  'POST /connections/:id/quarantine/:sightingId': { action: 'dismiss' },
};

test('the list of routes is complete', () => {
  expect(routes()).toEqual(Object.keys(golden).sort());
});

test('the public ones are exactly those that authentication lets through', () => {
  const open = routes().filter((route) => {
    const [method, path] = fill(route, () => 'x').split(' ') as [string, string];
    return publicRoutes.some(([allowed, pattern]) => allowed === method && pattern.test(path));
  });
  expect(open).toEqual(routes().filter((route) => golden[route] === 'public'));
});

test('without signing in all others answer 401, whatever is sent', async () => {
  for (const route of routes().filter((one) => golden[one] !== 'public')) {
    const answer = await call(route, () => crypto.randomUUID(), {});
    expect([route, answer.status, answer.body?.code]).toEqual([route, 401, 'unauthenticated']);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  }
});

test('what admins may do is refused to members', async () => {
  for (const route of routes().filter((one) => golden[one] === 'admin')) {
    const answer = await call(route, (name) => (name === 'userId' ? owner.userId : crypto.randomUUID()), {
      key: member.key,
    });
    expect([route, answer.status, answer.body?.code]).toEqual([route, 403, 'forbidden']);
  }
});

describe('another account’s ids', () => {
  test('answer 404 on every route with an id, to its owner too, and nothing of it changes', async () => {
    const before = await snapshot(http);
    for (const route of routes().filter((one) => one.includes(':') && golden[one] !== 'public')) {
      const kind = route.split(' ')[1]!.split('/')[1]!;
      const id = others[kind];
      expect([route, typeof id]).toEqual([route, 'string']);
      const valid = route === 'PUT /connections/:id/folders' ? { folderIds: [others['folders']] } : undefined;
      if (valid) bodies[route] = valid;
      const answer = await call(route, (name) => (['part', 'sightingId'].includes(name) ? '1' : id!), {
        key: owner.key,
      });
      expect([route, answer.status, answer.body?.code]).toEqual([route, 404, 'not_found']);
    }
    expect(await snapshot(http)).toEqual(before);
  });

  test('are refused inside bodies and queries', async () => {
    const mine = await send(http, 'POST', '/api/v1/contacts', { key: owner.key, body: { firstName: 'Mine' } });
    const attempts: [string, string, object][] = [
      ['POST', '/contacts', { firstName: 'X', ownerId: others['members'] }],
      ['POST', '/contacts', { firstName: 'X', stageId: others['stages'] }],
      ['POST', '/contacts', { firstName: 'X', tagIds: [others['tags']] }],
      ['POST', '/contacts', { firstName: 'X', segmentIds: [others['segments']] }],
      ['PATCH', `/contacts/${mine.body.id}`, { ownerId: others['members'] }],
      ['PATCH', `/contacts/${mine.body.id}`, { tagIds: [others['tags']] }],
      ['POST', '/tasks', { contactId: others['contacts'], subject: 'X' }],
      ['POST', '/tasks', { contactId: mine.body.id, subject: 'X', assigneeId: others['members'] }],
      ['PATCH', '/account', { fallbackUserId: others['members'] }],
      ['PUT', '/me/account', { accountId: others['account'] }],
    ];
    for (const [method, path, body] of attempts) {
      const how = path === '/me/account' ? { cookie: owner.cookie } : { key: owner.key };
      const answer = await send(http, method, `/api/v1${path}`, { ...how, body });
      expect([path, body, [400, 404, 409].includes(answer.status)]).toEqual([path, body, true]);
    }
    const lists = [
      '/contacts',
      `/contacts?ownerId=${others['members']}`,
      `/contacts?tagId=${others['tags']}`,
      `/tasks?contactId=${others['contacts']}`,
      '/connections?scope=account',
      '/outages',
      '/maps',
      '/tags',
      '/segments',
      '/exclusions',
      '/members',
    ];
    for (const path of lists) {
      const { text, status } = await send(http, 'GET', `/api/v1${path}`, { key: owner.key });
      expect([path, status < 500]).toEqual([path, true]);
      // oxlint-disable-next-line no-loop-func
      const leaked = Object.entries(others).filter(
        ([kind, id]) => text.includes(id) && !path.includes(id) && kind !== 'log',
      );
      expect([path, leaked]).toEqual([path, []]);
    }
  });
});

describe('the OpenAPI document', () => {
  interface Operation {
    security?: object[];
    responses?: Record<string, unknown>;
    requestBody?: { required?: boolean };
    summary?: string;
    tags?: string[];
  }

  test('has every route, with who may call it, its answers and its errors', async () => {
    const answer = await send(http, 'GET', '/api/v1/openapi.json');
    expect(answer.body.openapi).toBe('3.1.0');
    expect(Object.keys(answer.body.components.securitySchemes).sort()).toEqual(['apiKey', 'session']);
    const described: string[] = [];
    for (const [path, operations] of Object.entries(answer.body.paths as Record<string, Record<string, Operation>>)) {
      for (const [method, operation] of Object.entries(operations)) {
        const route = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
        described.push(route);
        expect([route, operation.security]).toEqual([
          route,
          golden[route] === 'public' ? [] : [{ apiKey: [] }, { session: [] }],
        ]);
        expect([route, Object.keys(operation.responses ?? {}).some((status) => /^2\d\d$/.test(status))]).toEqual([
          route,
          true,
        ]);
        expect([route, 'default' in (operation.responses ?? {})]).toEqual([route, true]);
        expect([route, operation.summary !== undefined && operation.tags?.length === 1]).toEqual([route, true]);
        // Without it a request with no Content-Type would pass by the validator.
        if (operation.requestBody) expect([route, operation.requestBody.required]).toEqual([route, true]);
      }
    }
    const own = ['GET /openapi.json', 'GET /docs'];
    expect(described.sort()).toEqual(routes().filter((route) => !own.includes(route)));
    const refs = [...answer.text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!);
    for (const name of refs) expect(answer.body.components.schemas).toHaveProperty([name]);
  });

  test('is shown as a page that loads nothing from elsewhere and runs no script', async () => {
    const page = await send(http, 'GET', '/api/v1/docs');
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/<script|https?:\/\/(?!127\.0\.0\.1)/);
    const styles = [...page.text.matchAll(/<style>(.*?)<\/style>/gs)].map(([, style]) => style!);
    expect(styles).toHaveLength(1);
    const hash = createHash('sha256').update(styles[0]!).digest('base64');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; /);
    expect(page.headers.get('content-security-policy')).toContain(` style-src 'sha256-${hash}';`);
    expect(page.text).toContain('/connections/{id}/folders');
    expect(page.text).toContain('id="error-plan_required"');
  });
});

/** An account beside ours with one of each thing; answers the ids. */
async function anotherAccount(here: Http): Promise<Record<string, string>> {
  const { db } = here;
  await here.db.deleteFrom('rate_limit').execute();
  const userId = (
    await db
      .insertInto('user')
      .values({ name: 'Otto', email: 'otto@other.example' })
      .returning('id')
      .executeTakeFirstOrThrow()
  ).id;
  const account = await db
    .transaction()
    .execute((trx) =>
      createAccount(trx, here.sealer, { name: 'Other', zone: 'UTC', ownerId: userId }, createDefaultStages),
    );
  const made = await createApiKey(db, { accountId: account, userId }, 'other');
  const key = made.key;
  const post = async (path: string, body: object): Promise<string> => {
    const answer = await send(here, 'POST', `/api/v1${path}`, { key, body });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.body.id as string;
  };
  const contact = await post('/contacts', { firstName: 'Theirs', addresses: ['theirs@customer.example'] });
  const connection = await insertConnection(db, { accountId: account, userId });
  const outage = await db
    .insertInto('outage')
    .values({
      account_id: account,
      connection_id: connection.id,
      began_at: new Date(0),
      after_sighting: 0,
      code: 'refused',
      message: 'The server refused the sign-in.',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const { itemIds } = await insertMail(db, account, {
    in: [connection],
    contacts: [{ id: contact, address: 'theirs@customer.example' }],
  });
  return {
    account,
    members: userId,
    'api-keys': made.id,
    contacts: contact,
    tags: await post('/tags', { name: 'Their tag' }),
    segments: await post('/segments', { name: 'Their segment' }),
    exclusions: await post('/exclusions', { scope: 'account', value: 'theirs.example' }),
    stages: await post('/stages', { name: 'Their stage' }),
    tasks: await post('/tasks', { contactId: contact, subject: 'Their task' }),
    maps: await post('/maps', { name: 'Their map' }),
    invitations: await post('/invitations', { email: 'new@other.example' }),
    connections: connection.id,
    folders: connection.folderId,
    outages: outage.id,
    log: itemIds[0]!,
  };
}

/** What another account has, to be compared. */
async function snapshot(here: Http): Promise<unknown> {
  const tables = [
    'contact',
    'tag',
    'segment',
    'exclusion',
    'stage',
    'task',
    'map',
    'invitation',
    'connection',
    'log_item',
    'member',
    'api_key',
  ] as const;
  const account = others['account']!;
  const notices = await here.db.selectFrom('outage_notice').selectAll().where('account_id', '=', account).execute();
  const rows = await Promise.all(
    tables.map((table) =>
      here.db.selectFrom(table).selectAll().where('account_id', '=', account).orderBy('id').execute(),
    ),
  );
  return { notices, rows };
}

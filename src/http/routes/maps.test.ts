import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OpenAPIHono } from '@hono/zod-openapi';
import { line, makeAccount, makeLabel, makeMail } from '../../../test/fixtures/automation.ts';
import { testDatabase } from '../../../test/servers/postgres.ts';
import type { TestDatabase } from '../../../test/servers/postgres.ts';
import type { Viewer } from '../../accounts/viewer.ts';
import { fireEmailReceived } from '../../automations/fire.ts';
import { listRunsOfContact } from '../../automations/list-runs.ts';
import { startRuns } from '../../automations/run.ts';
import type { Db } from '../../db/open.ts';
import { AppError } from '../../errors.ts';
import { createJobs } from '../../jobs/jobs.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import type { ApiEnv } from '../router.ts';
import { mapRoutes } from './maps.ts';
import { taskRoutes } from './tasks.ts';

const log = { error: () => {}, warn: () => {} };
let database: TestDatabase;
let db: Db;
let jobs: Jobs;
let runs: { stop(): void };
let account: Awaited<ReturnType<typeof makeAccount>>;

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  jobs = createJobs({ url: database.url, role: 'work', log });
  await jobs.start();
  runs = await startRuns({ db, jobs, log });
});

afterAll(async () => {
  runs.stop();
  await jobs.stop();
  await database[Symbol.asyncDispose]();
});

beforeEach(async () => {
  account = await makeAccount(db);
});

/** Asks the routes as this viewer. */
async function ask(method: string, path: string, body?: object, viewer: Viewer = account.viewer) {
  const app = new OpenAPIHono<ApiEnv>();
  app.use(async (c, next) => {
    c.set('viewer', viewer);
    await next();
  });
  app.onError((error, c) =>
    error instanceof AppError
      ? c.json({ code: error.code, errors: error.details }, 400)
      : c.json({ code: String(error) }, 500),
  );
  app.route('/', mapRoutes({ db, jobs })).route('/', taskRoutes({ db }));
  const response = await app.request(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- what the routes answer is what is under test
  return { status: response.status, body: (response.status === 204 ? null : await response.json()) as any };
}

async function receiveEmail(contactId = account.contactId) {
  const mail = await makeMail(db, account.accountId, contactId);
  await db.transaction().execute((trx) => fireEmailReceived(trx, jobs, account.accountId, [mail]));
}

describe('a map', () => {
  test('is made, published and carried out for an email, and shows who stands where', async () => {
    const made = await ask('POST', '/maps', { name: 'Answer' });
    expect(made).toMatchObject({
      status: 201,
      body: { state: 'draft', version: null, publishedGraph: null, counts: {} },
    });
    const path = `/maps/${made.body.id}`;
    const graph = line([
      { kind: 'create_task', subject: 'Answer', assignee: 'contact_owner', due: { amount: 24, unit: 'hours' } },
      { kind: 'wait', amount: 2, unit: 'days' },
    ]);
    expect((await ask('PATCH', path, { graph })).body).toMatchObject({ graph, state: 'draft' });
    expect((await ask('POST', `${path}/publish`)).body).toMatchObject({
      state: 'published',
      version: 1,
      publishedGraph: graph,
    });

    await receiveEmail();
    await expect.poll(async () => (await ask('GET', path)).body.counts).toEqual({ e2: 1 });
    const { items: tasks } = (await ask('GET', '/tasks?state=pending')).body;
    expect(tasks).toMatchObject([
      {
        subject: 'Answer',
        contact: { id: account.contactId, name: 'Grace Hopper' },
        assignee: { id: account.userId, name: 'Ada' },
        map: { id: made.body.id, name: 'Answer' },
      },
    ]);
    const { items: firings } = (await ask('GET', `${path}/firings`)).body;
    expect(firings).toMatchObject([
      { contact: { id: account.contactId, name: 'Grace Hopper' }, triggerId: 'trigger', logItemId: null },
    ]);
    const runs = () => listRunsOfContact(db, account.accountId, account.contactId);
    // It stands at its wait a moment before it waits.
    await expect
      .poll(runs, { timeout: 10_000 })
      .toMatchObject([{ map: { name: 'Answer' }, state: 'waiting', element: { id: 'e2', label: 'Wait 2 days' } }]);
    expect((await ask('POST', `${path}/pause`)).body).toMatchObject({ state: 'paused' });
    expect((await ask('POST', `${path}/pause`)).body).toMatchObject({ code: 'conflict' });
    expect((await ask('POST', `${path}/resume`)).body).toMatchObject({ state: 'published', version: 1 });
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await ask('GET', path)).body).toMatchObject({ code: 'not_found' });
    expect((await ask('GET', '/tasks')).body.items).toMatchObject([{ subject: 'Answer', map: null }]);
  });

  test('that lacks something is not published, and the answer names element and field', async () => {
    const { id } = (await ask('POST', '/maps', { name: 'Half' })).body;
    const foreign = await makeLabel(db, 'tag', (await makeAccount(db)).accountId, 'Theirs');
    await ask('PATCH', `/maps/${id}`, {
      graph: line([
        { kind: 'add_tag', tagId: null },
        { kind: 'add_tag', tagId: foreign },
      ]),
    });
    expect(await ask('POST', `/maps/${id}/publish`)).toMatchObject({
      status: 400,
      body: { code: 'invalid', errors: [{ path: 'elements.e1.tagId' }, { path: 'elements.e2.tagId' }] },
    });
    expect((await ask('GET', `/maps/${id}`)).body).toMatchObject({ state: 'draft', version: null });
  });

  test('takes no strange shapes or characters', async () => {
    const { id } = (await ask('POST', '/maps', { name: 'Strange' })).body;
    const graph = line([
      { kind: 'create_task', subject: 'a\0b', assignee: 'contact_owner', due: { amount: 1, unit: 'days' } },
    ]);
    expect((await ask('PATCH', `/maps/${id}`, { graph })).body.errors).toMatchObject([
      { path: 'graph.elements.1.subject' },
    ]);
    expect((await ask('PATCH', `/maps/${id}`, { graph: line([{ kind: 'explode' }]) })).body).toMatchObject({
      code: 'invalid',
    });
    expect((await ask('POST', '/maps', { name: ' ' })).body).toMatchObject({ code: 'invalid' });
  });

  test('is listed by name, a page at a time', async () => {
    for (const name of ['C', 'A', 'B']) await ask('POST', '/maps', { name });
    const first = (await ask('GET', '/maps?limit=2')).body;
    expect(first.items.map((map: { name: string }) => map.name)).toEqual(['A', 'B']);
    const second = (await ask('GET', `/maps?limit=2&cursor=${first.nextCursor}`)).body;
    expect(second).toMatchObject({ items: [{ name: 'C' }], nextCursor: null });
  });
});

describe('a task', () => {
  test('is made, changed, completed and reopened', async () => {
    const dueAt = '2027-01-02T03:04:05.000Z';
    const made = await ask('POST', '/tasks', { contactId: account.contactId, subject: 'Call', dueAt });
    expect(made).toMatchObject({
      status: 201,
      body: { subject: 'Call', dueAt, state: 'pending', assignee: null, map: null },
    });
    const path = `/tasks/${made.body.id}`;
    expect((await ask('PATCH', path, { assigneeId: account.userId, dueAt: null })).body).toMatchObject({
      dueAt: null,
      assignee: { id: account.userId },
    });
    const done = (await ask('PATCH', path, { state: 'complete' })).body;
    expect(done).toMatchObject({ state: 'complete', completedAt: expect.any(String) });
    expect((await ask('PATCH', path, { state: 'complete' })).body.completedAt).toBe(done.completedAt);
    expect((await ask('PATCH', path, { state: 'pending' })).body).toMatchObject({
      state: 'pending',
      completedAt: null,
    });
    const items = await db
      .selectFrom('log_item')
      .select(['kind', 'task_id', 'actor_id'])
      .where('account_id', '=', account.accountId)
      .execute();
    expect(items).toEqual([{ kind: 'task', task_id: made.body.id, actor_id: account.userId }]);
  });

  test('due first is listed first, over pages, and completed ones latest first', async () => {
    const make = async (subject: string, dueAt?: string) =>
      (await ask('POST', '/tasks', { contactId: account.contactId, subject, dueAt, assigneeId: account.userId })).body
        .id;
    await make('never');
    await make('next year', '2027-06-01T00:00:00Z');
    await make('overdue', '2020-01-01T00:00:00Z');
    for (const subject of ['done first', 'done last']) {
      await ask('PATCH', `/tasks/${await make(subject, '2010-01-01T00:00:00Z')}`, { state: 'complete' });
    }
    const walk = async (query: string) => {
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: { items: { subject: string }[]; nextCursor: string | null } = (
          await ask('GET', `/tasks?limit=1&${query}${cursor && `&cursor=${cursor}`}`)
        ).body;
        seen.push(...page.items.map((task) => task.subject));
        cursor = page.nextCursor;
      }
      return seen;
    };
    expect(await walk('state=pending&assigneeId=me')).toEqual(['overdue', 'next year', 'never']);
    expect((await walk('')).slice(0, 3)).toEqual(['overdue', 'next year', 'never']);
    expect(await walk(`state=complete&contactId=${account.contactId}`)).toEqual(['done last', 'done first']);
  });
});

test('another account’s ids are refused everywhere', async () => {
  const stranger = await makeAccount(db);
  const { id: mapId } = (await ask('POST', '/maps', { name: 'Mine' })).body;
  await ask('POST', `/maps/${mapId}/publish`);
  const { id: taskId } = (await ask('POST', '/tasks', { contactId: account.contactId, subject: 'Mine' })).body;
  const asStranger = (method: string, path: string, body?: object) => ask(method, path, body, stranger.viewer);
  for (const [method, path, body] of [
    ['GET', `/maps/${mapId}`],
    ['PATCH', `/maps/${mapId}`, { name: 'Theirs' }],
    ['DELETE', `/maps/${mapId}`],
    ['POST', `/maps/${mapId}/publish`],
    ['POST', `/maps/${mapId}/pause`],
    ['POST', `/maps/${mapId}/resume`],
    ['GET', `/maps/${mapId}/firings`],
    ['PATCH', `/tasks/${taskId}`, { state: 'complete' }],
  ] as [string, string, object?][]) {
    expect((await asStranger(method, path, body)).body).toMatchObject({ code: 'not_found' });
  }
  const theirs = { contactId: stranger.contactId, subject: 'x' };
  expect((await asStranger('POST', '/tasks', { ...theirs, contactId: account.contactId })).body.code).toBe('invalid');
  expect((await asStranger('POST', '/tasks', { ...theirs, assigneeId: account.userId })).body.code).toBe('invalid');
  expect((await asStranger('GET', `/tasks?contactId=${account.contactId}`)).body.items).toEqual([]);
  expect((await asStranger('GET', '/maps')).body.items).toEqual([]);
  expect(await listRunsOfContact(db, stranger.accountId, account.contactId)).toEqual([]);
  expect((await ask('GET', `/maps/${mapId}`)).body).toMatchObject({ name: 'Mine', state: 'published' });
});

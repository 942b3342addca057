import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { notify } from '../../src/db/listen.ts';
import { join, ownerOf, send, startHttp } from './start-http.ts';
import type { Http } from './start-http.ts';

let http: Http;
let owner: Awaited<ReturnType<typeof ownerOf>>;
const open: AbortController[] = [];
beforeEach(async () => {
  http = await startHttp({ heartbeatMs: 300 });
  owner = await ownerOf(http);
});
afterEach(async () => {
  for (const controller of open.splice(0)) controller.abort();
  await http[Symbol.asyncDispose]();
});

/** Listens as a page does; `text` grows. */
async function listenAs(auth: { key?: string; cookie?: string }) {
  const controller = new AbortController();
  open.push(controller);
  const answer = await fetch(`${http.url}/api/v1/events`, {
    headers: { ...(auth.key && { authorization: `Bearer ${auth.key}` }), ...(auth.cookie && { cookie: auth.cookie }) },
    signal: controller.signal,
  });
  const heard = { status: answer.status, type: answer.headers.get('content-type'), text: '', ended: false };
  void (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of answer.body!) heard.text += decoder.decode(chunk, { stream: true });
    } catch {
      // Closed by the test.
    }
    heard.ended = true;
  })();
  await expect.poll(() => heard.text).toContain(': connected');
  return heard;
}

const accountId = async () => (await http.db.selectFrom('account').select('id').executeTakeFirstOrThrow()).id;

test('a change reaches the account’s listeners and nobody else’s, and idle streams get a sign of life', async () => {
  const mine = await listenAs({ key: owner.key });
  expect(mine.type).toContain('text/event-stream');
  const contactId = crypto.randomUUID();
  await notify(http.db, 'letterlog_change', { accountId: crypto.randomUUID(), kind: 'log', contactId: 'not-ours' });
  await notify(http.db, 'letterlog_change', { accountId: await accountId(), kind: 'log', contactId });
  await expect.poll(() => mine.text).toContain(`event: change\ndata: {"kind":"log","contactId":"${contactId}"}`);
  expect(mine.text).not.toContain('not-ours');
  await expect.poll(() => mine.text).toContain(': still here');
});

test('what a private connection brings is heard by its owner only, and no event names it', async () => {
  const member = await join(http, owner, 'mia@letterlog.test', 'member');
  const account = await accountId();
  const connection = await http.db
    .insertInto('connection')
    .values({
      account_id: account,
      user_id: member.userId,
      provider: 'imap',
      address: member.email,
      address_key: member.email,
      settings: '{}',
      sharing: 'private',
      state: 'active',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const [hers, others] = [await listenAs({ key: member.key }), await listenAs({ key: owner.key })];
  const change = { accountId: account, connectionId: connection.id };
  await notify(http.db, 'letterlog_change', { ...change, kind: 'log', contactId: 'from-private' });
  await notify(http.db, 'letterlog_change', { accountId: account, kind: 'log', contactId: 'for-all' });
  await expect.poll(() => hers.text).toContain('from-private');
  await expect.poll(() => others.text).toContain('for-all');
  expect(others.text).not.toContain('from-private');
  expect(hers.text + others.text).not.toContain(connection.id);
});

test('a stream ends when its session is signed out, its key revoked or its user removed', async () => {
  const member = await join(http, owner, 'mia@letterlog.test', 'member');
  const bySession = await listenAs({ cookie: owner.cookie });
  const byKey = await listenAs({ key: owner.key });
  const ofMember = await listenAs({ key: member.key });
  await send(http, 'DELETE', `/api/v1/members/${member.userId}`, { key: owner.key });
  await send(http, 'DELETE', `/api/v1/api-keys/${owner.keyId}`, { key: owner.key });
  await send(http, 'POST', '/api/auth/sign-out', { cookie: owner.cookie, body: {} });
  for (const stream of [bySession, byKey, ofMember]) {
    await expect.poll(() => stream.ended).toBe(true);
    expect(stream.text).toContain('event: end');
  }
});

test('a user may keep twenty streams open, and a closed one makes room', async () => {
  for (let n = 0; n < 20; n++) await listenAs({ key: owner.key });
  const more = () => send(http, 'GET', '/api/v1/events', { key: owner.key });
  expect((await more()).body.code).toBe('rate_limited');
  open.pop()!.abort();
  await vi.waitFor(() => listenAs({ key: owner.key }), { timeout: 60_000 });
});

test('a burst is bounded: the reader is told to ask for everything', async () => {
  const heard = await listenAs({ key: owner.key });
  const account = await accountId();
  await http.db.transaction().execute(async (trx) => {
    for (let n = 0; n < 500; n++)
      await notify(trx, 'letterlog_change', { accountId: account, kind: 'contact', contactId: `c${n}` });
  });
  await expect.poll(() => heard.text).toContain('event: all');
});

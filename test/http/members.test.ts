import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { join, ownerOf, password, send, startHttp } from './start-http.ts';
import type { Http } from './start-http.ts';

interface Person {
  email: string;
  cookie: string;
  key: string;
  keyId: string;
  userId: string;
}

describe('members', () => {
  let http: Http;
  let owner: Person;
  let admin: Person;
  let member: Person;
  beforeEach(async () => {
    http = await startHttp();
    owner = await ownerOf(http);
    admin = await join(http, owner, 'adam@letterlog.test', 'admin');
    member = await join(http, owner, 'mia@letterlog.test', 'member');
  });
  afterEach(() => http[Symbol.asyncDispose]());

  const role = (who: Person, userId: string, wanted: string) =>
    send(http, 'PATCH', `/api/v1/members/${userId}`, { key: who.key, body: { role: wanted } });
  const remove = (who: Person, userId: string) => send(http, 'DELETE', `/api/v1/members/${userId}`, { key: who.key });

  test('everybody sees the members; who may change roles goes by their own', async () => {
    const list = await send(http, 'GET', '/api/v1/members', { key: member.key });
    expect(list.body.map((one: { email: string; role: string }) => [one.email, one.role])).toEqual([
      ['adam@letterlog.test', 'admin'],
      ['mia@letterlog.test', 'member'],
      ['olivia@letterlog.test', 'owner'],
    ]);
    expect((await role(member, member.userId, 'admin')).status).toBe(403);
    expect((await role(member, admin.userId, 'member')).status).toBe(403);
    expect((await role(admin, member.userId, 'owner')).status).toBe(403);
    expect((await role(admin, owner.userId, 'member')).status).toBe(403);
    expect((await role(admin, member.userId, 'admin')).body).toMatchObject({ userId: member.userId, role: 'admin' });
    expect((await role(owner, member.userId, 'owner')).body.role).toBe('owner');
    expect((await role(owner, 'not-an-id', 'owner')).status).toBe(400);
  });

  test('a role that was taken away ends at once', async () => {
    await role(owner, admin.userId, 'member');
    expect((await send(http, 'GET', '/api/v1/invitations', { key: admin.key })).status).toBe(403);
    expect((await send(http, 'GET', '/api/v1/invitations', { cookie: admin.cookie })).status).toBe(403);
  });

  test('the last owner can neither be demoted nor removed, nor leave', async () => {
    expect((await role(owner, owner.userId, 'member')).body.code).toBe('conflict');
    expect((await remove(owner, owner.userId)).body.code).toBe('conflict');
    expect((await remove(admin, owner.userId)).status).toBe(403);
  });

  test('two owners who demote each other at the same moment leave one', async () => {
    await role(owner, admin.userId, 'owner');
    const answers = await Promise.all([role(owner, admin.userId, 'member'), role(admin, owner.userId, 'member')]);
    expect(answers.map(({ status }) => status).sort()).not.toEqual([200, 200]);
    const owners = await http.db.selectFrom('member').where('role', '=', 'owner').select('user_id').execute();
    expect(owners).toHaveLength(1);
  });

  test('a removed member’s sessions, keys and connections end, and their work finds somebody else', async () => {
    const { accountId } = await accountOf(http);
    const contact = await send(http, 'POST', '/api/v1/contacts', {
      key: owner.key,
      body: { firstName: 'Grace', ownerId: member.userId },
    });
    expect(contact.status).toBe(201);
    const task = await send(http, 'POST', '/api/v1/tasks', {
      key: owner.key,
      body: { contactId: contact.body.id, subject: 'Call', assigneeId: member.userId },
    });
    expect(task.status).toBe(201);
    await send(http, 'PATCH', '/api/v1/account', { key: owner.key, body: { fallbackUserId: member.userId } });
    await http.db
      .insertInto('connection')
      .values({
        account_id: accountId,
        user_id: member.userId,
        provider: 'imap',
        address: member.email,
        address_key: member.email,
        settings: '{}',
        sharing: 'private',
        state: 'active',
      })
      .execute();

    expect((await remove(member, admin.userId)).status).toBe(403);
    expect((await remove(admin, member.userId)).status).toBe(204);
    expect((await send(http, 'GET', '/api/v1/me', { key: member.key })).status).toBe(401);
    expect((await send(http, 'GET', '/api/v1/me', { cookie: member.cookie })).status).toBe(401);
    const again = await send(http, 'POST', '/api/auth/sign-in/email', { body: { email: member.email, password } });
    expect((await send(http, 'GET', '/api/v1/me', { cookie: again.cookie })).body.code).toBe('forbidden');

    expect((await send(http, 'GET', `/api/v1/contacts/${contact.body.id}`, { key: owner.key })).body.owner).toBeNull();
    const tasks = await send(http, 'GET', '/api/v1/tasks', { key: owner.key });
    expect(tasks.body.items[0].assignee.id).toBe(owner.userId);
    const account = await send(http, 'GET', '/api/v1/account', { key: owner.key });
    expect(account.body.fallbackUserId).toBe(owner.userId);
    const connection = await http.db.selectFrom('connection').selectAll().executeTakeFirstOrThrow();
    expect(connection).toMatchObject({ state: 'paused', state_code: 'owner_left', user_id: member.userId });
    expect((await remove(admin, member.userId)).status).toBe(404);
  });

  test('a member may leave', async () => {
    expect((await remove(member, member.userId)).status).toBe(204);
  });

  test('the account is changed by admins, its plan by owners, and syncing follows the plan', async () => {
    const { accountId } = await accountOf(http);
    const insert = (state: 'active' | 'paused', code: string | null) =>
      http.db
        .insertInto('connection')
        .values({
          account_id: accountId,
          user_id: owner.userId,
          provider: 'imap',
          address: `${state}@x.example`,
          address_key: `${state}@x.example`,
          settings: '{}',
          sharing: 'everything',
          state,
          state_code: code,
        })
        .execute();
    await insert('active', null);
    await insert('paused', 'paused_by_owner');
    const states = async () =>
      (await http.db.selectFrom('connection').select(['state', 'state_code']).orderBy('address').execute()).map(
        (row) => [row.state, row.state_code],
      );
    const change = (who: Person, body: object) => send(http, 'PATCH', '/api/v1/account', { key: who.key, body });

    expect((await change(member, { name: 'Mine' })).status).toBe(403);
    expect((await change(admin, { plan: 'pro' })).status).toBe(403);
    expect((await change(admin, { name: ' New name ', zone: 'Asia/Tokyo' })).body).toMatchObject({
      name: 'New name',
      zone: 'Asia/Tokyo',
    });
    expect((await change(admin, { zone: 'Nowhere' })).body.errors[0].path).toBe('zone');
    expect((await change(admin, { fallbackUserId: crypto.randomUUID() })).body.errors[0].path).toBe('fallbackUserId');
    expect((await change(owner, { plan: 'basic' })).body.plan).toBe('basic');
    expect(await states()).toEqual([
      ['paused', 'paused_by_plan'],
      ['paused', 'paused_by_owner'],
    ]);
    expect((await change(owner, { plan: 'pro' })).status).toBe(200);
    expect(await states()).toEqual([
      ['active', null],
      ['paused', 'paused_by_owner'],
    ]);
  });

  test('one’s own name and zone can be changed; no zone is the account’s', async () => {
    const change = (body: object) => send(http, 'PATCH', '/api/v1/me', { cookie: member.cookie, body });
    expect((await change({ name: 'Mia M.', zone: 'Asia/Tokyo' })).body).toMatchObject({
      user: { name: 'Mia M.', zone: 'Asia/Tokyo' },
      zone: 'Asia/Tokyo',
    });
    expect((await change({ zone: null })).body.zone).toBe('Europe/Berlin');
    expect((await change({ zone: '+02:00' })).status).toBe(400);
    expect((await change({ name: '  ' })).status).toBe(400);
    expect((await change({ name: 'a\u0000b' })).status).toBe(400);
  });
});

describe('invitations', () => {
  let http: Http;
  let owner: Person;
  beforeEach(async () => {
    http = await startHttp();
    owner = await ownerOf(http);
  });
  afterEach(() => http[Symbol.asyncDispose]());

  const invite = (who: { key: string }, email: string, role = 'member') =>
    send(http, 'POST', '/api/v1/invitations', { key: who.key, body: { email, role } });
  const tokenOf = (answer: { body: { link: string } }) => answer.body.link.split('/').at(-1) as string;
  const show = (token: string) => send(http, 'GET', `/api/v1/invitations/by-token/${token}`);
  const accept = (token: string, body: object, cookie?: string) =>
    send(http, 'POST', `/api/v1/invitations/by-token/${token}/accept`, { body, cookie });

  test('a new user accepts once, is signed in, and has the role', async () => {
    const made = await invite(owner, 'Mia@letterlog.test', 'admin');
    expect(made.status).toBe(201);
    expect(made.body.link).toContain(`${http.url}/invitation/`);
    const days = (Date.parse(made.body.expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
    const token = tokenOf(made);
    expect((await show(token)).body).toEqual({
      email: 'mia@letterlog.test',
      accountName: 'Acme',
      role: 'admin',
      hasSignIn: false,
    });
    expect((await accept(token, { name: 'Mia', password: 'short' })).body.errors[0].path).toBe('password');
    expect((await accept(token, {})).status).toBe(401);
    const accepted = await accept(token, { name: 'Mia', password });
    const me = await send(http, 'GET', '/api/v1/me', { cookie: accepted.cookie });
    expect(me.body).toMatchObject({ user: { email: 'mia@letterlog.test', name: 'Mia' }, role: 'admin' });
    expect((await show(token)).status).toBe(404);
    expect((await accept(token, { name: 'Mia', password })).status).toBe(404);
    expect((await invite(owner, 'mia@letterlog.test')).body.code).toBe('conflict');
  });

  test('expired, revoked, replaced and made-up links are all refused alike', async () => {
    const first = tokenOf(await invite(owner, 'mia@letterlog.test'));
    const second = await invite(owner, 'MIA@letterlog.test');
    expect((await show(first)).status).toBe(404);
    expect((await send(http, 'GET', '/api/v1/invitations', { key: owner.key })).body).toEqual([second.body]);

    const { id } = second.body;
    const idBytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    const forged = Buffer.concat([idBytes, Buffer.alloc(16)]).toString('base64url');
    for (const token of [forged, id, 'x', first, `${tokenOf(second)}AA`]) expect((await show(token)).status).toBe(404);

    await http.db
      .updateTable('invitation')
      .set({ expires_at: sql<Date>`now()` })
      .execute();
    expect((await show(tokenOf(second))).status).toBe(404);
    expect((await accept(tokenOf(second), { name: 'Mia', password })).status).toBe(404);

    const third = await invite(owner, 'mia@letterlog.test');
    expect((await send(http, 'DELETE', `/api/v1/invitations/${third.body.id}`, { key: owner.key })).status).toBe(204);
    expect((await show(tokenOf(third))).status).toBe(404);
    expect((await send(http, 'DELETE', `/api/v1/invitations/${third.body.id}`, { key: owner.key })).status).toBe(404);
  });

  test('members invite nobody, and admins no owners', async () => {
    const admin = await join(http, owner, 'adam@letterlog.test', 'admin');
    const member = await join(http, owner, 'mia@letterlog.test', 'member');
    expect((await invite(member, 'x@letterlog.test')).status).toBe(403);
    expect((await send(http, 'GET', '/api/v1/invitations', { key: member.key })).status).toBe(403);
    expect((await invite(admin, 'x@letterlog.test', 'owner')).status).toBe(403);
    const ofOwner = await invite(owner, 'x@letterlog.test', 'owner');
    expect((await send(http, 'GET', '/api/v1/invitations', { key: admin.key })).body).toEqual([]);
    const revoke = (who: { key: string }) =>
      send(http, 'DELETE', `/api/v1/invitations/${ofOwner.body.id}`, { key: who.key });
    expect((await revoke(member)).status).toBe(403);
    expect((await revoke(admin)).status).toBe(404);
  });

  test('an existing user accepts by signing in, and only with the invited address', async () => {
    const member = await join(http, owner, 'mia@letterlog.test', 'member');
    await send(http, 'DELETE', `/api/v1/members/${member.userId}`, { key: owner.key });
    const token = tokenOf(await invite(owner, 'mia@letterlog.test', 'admin'));
    expect((await show(token)).body.hasSignIn).toBe(true);
    expect((await accept(token, { name: 'Mallory', password })).body.code).toBe('conflict');
    expect((await accept(token, {}, owner.cookie)).body.code).toBe('forbidden');
    const session = await send(http, 'POST', '/api/auth/sign-in/email', { body: { email: member.email, password } });
    expect((await accept(token, {}, session.cookie)).status).toBe(200);
    expect((await send(http, 'GET', '/api/v1/me', { cookie: session.cookie })).body.role).toBe('admin');
  });

  test('of two who accept at the same moment one does', async () => {
    const token = tokenOf(await invite(owner, 'mia@letterlog.test'));
    const answers = await Promise.all([1, 2].map((n) => accept(token, { name: `Mia ${n}`, password })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('API keys', () => {
  let http: Http;
  let owner: Person;
  beforeAll(async () => {
    http = await startHttp();
    owner = await ownerOf(http);
  });
  afterAll(() => http[Symbol.asyncDispose]());

  test('a key is shown once, acts as its user, is noted when used, and ends when revoked', async () => {
    const made = await send(http, 'POST', '/api/v1/api-keys', { cookie: owner.cookie, body: { name: 'Zapier' } });
    expect(made.body.key).toMatch(/^ll_[\w-]{43}$/);
    const { key, id } = made.body;
    expect(made.body.prefix).toBe(key.slice(0, 10));
    const kept = JSON.stringify(await http.db.selectFrom('api_key').selectAll().execute());
    expect(kept).not.toContain(key);
    const list = () => send(http, 'GET', '/api/v1/api-keys', { cookie: owner.cookie });
    const find = async () => (await list()).body.find((one: { id: string }) => one.id === id);
    expect((await list()).text).not.toContain(key);
    expect((await find()).lastUsedAt).toBeNull();
    expect((await send(http, 'GET', '/api/v1/me', { key })).body.user.email).toBe(owner.email);
    const used = (await find()).lastUsedAt;
    expect(Date.parse(used)).toBeGreaterThan(Date.now() - 60_000);
    await send(http, 'GET', '/api/v1/me', { key });
    expect((await find()).lastUsedAt).toBe(used);
    expect((await send(http, 'DELETE', `/api/v1/api-keys/${id}`, { key: owner.key })).status).toBe(204);
    expect((await send(http, 'GET', '/api/v1/me', { key })).status).toBe(401);
    expect(await find()).toBeUndefined();
    expect(http.logged()).not.toContain(key);
  });

  test('one sees and revokes only one’s own', async () => {
    const member = await join(http, owner, 'mia@letterlog.test', 'member');
    expect((await send(http, 'GET', '/api/v1/api-keys', { key: member.key })).body).toHaveLength(1);
    expect((await send(http, 'DELETE', `/api/v1/api-keys/${member.keyId}`, { key: owner.key })).status).toBe(404);
    expect((await send(http, 'GET', '/api/v1/me', { key: member.key })).status).toBe(200);
  });

  test('what is no key is refused, also beside a good session', async () => {
    for (const authorization of ['Bearer x', 'Bearer', 'Basic abc', `Bearer ll_${'a'.repeat(43)}`, '']) {
      const answer = await send(http, 'GET', '/api/v1/me', { cookie: owner.cookie, headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      expect(answer.body.code).toBe('unauthenticated');
    }
  });
});

async function accountOf(http: Http): Promise<{ accountId: string }> {
  const { id } = await http.db.selectFrom('account').select('id').executeTakeFirstOrThrow();
  return { accountId: id };
}

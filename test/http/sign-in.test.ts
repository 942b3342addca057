import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ownerOf, password, send, startHttp } from './start-http.ts';
import type { Http } from './start-http.ts';

let http: Http;
beforeEach(async () => {
  http = await startHttp();
});
afterEach(() => http[Symbol.asyncDispose]());

const email = 'olivia@letterlog.test';
const signIn = (body: object, headers: Record<string, string> = {}) =>
  send(http, 'POST', '/api/auth/sign-in/email', { body, headers });

describe('set-up', () => {
  const person = {
    accountName: 'Acme',
    name: 'Olivia',
    email: 'Olivia@Letterlog.test',
    password,
    zone: 'Europe/Berlin',
  };
  const setUp = (token: string, more: object = {}) =>
    send(http, 'POST', '/api/v1/setup', { body: { ...person, token, ...more } });

  test('works once, makes the account and its owner, and signs in', async () => {
    const token = await http.setupToken();
    const state = (given: string) => send(http, 'GET', `/api/v1/setup?token=${given}`).then(({ body }) => body);
    expect(await state(token)).toEqual({ needed: true, valid: true });
    expect(await state('wrong')).toEqual({ needed: true, valid: false });
    const done = await setUp(token);
    expect(done.status).toBe(201);
    const me = await send(http, 'GET', '/api/v1/me', { cookie: done.cookie });
    expect(me.body).toMatchObject({
      user: { name: 'Olivia', email },
      account: { name: 'Acme', plan: 'plus', zone: 'Europe/Berlin', fallbackUserId: done.body.userId },
      role: 'owner',
      zone: 'Europe/Berlin',
    });
    const stages = await send(http, 'GET', '/api/v1/stages', { cookie: done.cookie });
    expect(stages.body.length).toBeGreaterThan(2);
    expect(await state(token)).toEqual({ needed: false, valid: false });
    expect(await setUp(token, { email: 'other@letterlog.test' })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await http.db.selectFrom('setup_token').selectAll().execute()).toEqual([]);
  });

  test('of two at the same moment with one token one wins', async () => {
    const token = await http.setupToken();
    const answers = await Promise.all([1, 2, 3].map((n) => setUp(token, { email: `u${n}@letterlog.test` })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(await http.db.selectFrom('user').select('id').execute()).toHaveLength(1);
  });

  test('a newer token voids the one before, a wrong one is refused, and none is kept in clear', async () => {
    const first = await http.setupToken();
    const second = await http.setupToken();
    expect((await setUp(first)).body.code).toBe('forbidden');
    expect((await setUp('')).body.code).toBe('forbidden');
    const rows = JSON.stringify(await http.db.selectFrom('setup_token').selectAll().execute());
    expect(rows).not.toContain(second);
    expect((await setUp(second)).status).toBe(201);
  });

  test('guessing tokens is slowed down', async () => {
    await http.setupToken();
    const answers = [];
    for (let n = 0; n < 21; n++) answers.push((await setUp(`guess-${n}`)).status);
    expect(answers.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 403));
    expect(answers[20]).toBe(429);
  });

  test('a bad password is refused with the rule, and the token stays good', async () => {
    const token = await http.setupToken();
    for (const bad of ['short', 'a'.repeat(20), 'olivia@letterlog.test', 'x'.repeat(129)]) {
      const refused = await setUp(token, { password: bad });
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid', errors: [{ path: 'password' }] } });
      expect(refused.body.detail).toContain('12 to 128');
      expect(refused.text).not.toContain(`"${bad}"`);
    }
    expect((await setUp(token, { zone: 'Mars/Olympus' })).body.errors[0].path).toBe('zone');
    expect((await setUp(token)).status).toBe(201);
  });
});

describe('signing in', () => {
  test('with the right password gives a session, whatever the case of the address; signing out ends it', async () => {
    await ownerOf(http);
    const session = await signIn({ email: 'OLIVIA@letterlog.test', password });
    expect(session.status).toBe(200);
    expect((await send(http, 'GET', '/api/v1/me', { cookie: session.cookie })).status).toBe(200);
    const out = await send(http, 'POST', '/api/auth/sign-out', { cookie: session.cookie, body: {} });
    expect(out.status).toBe(200);
    expect((await send(http, 'GET', '/api/v1/me', { cookie: session.cookie })).status).toBe(401);
  });

  test('a wrong password and an unknown address are answered alike, and neither is logged', async () => {
    await ownerOf(http);
    const wrong = await signIn({ email, password: 'wrong horse battery' });
    const unknown = await signIn({ email: 'nobody@letterlog.test', password: 'wrong horse battery' });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(unknown.body).toEqual(wrong.body);
    expect(wrong.cookie).toBe('');
    expect(http.logged()).not.toContain('wrong horse');
    expect(http.logged()).not.toContain(password);
  });

  test('too many attempts are refused, also when they come at the same moment', async () => {
    await ownerOf(http);
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => signIn({ email, password: 'wrong horse battery' })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(5);
    expect(refused[0]!.body.code).toBe('rate_limited');
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await signIn({ email, password })).status).toBe(429);
  });

  test('is by JSON alone, so that no attempt passes by the limit of its address', async () => {
    await ownerOf(http);
    const form = `email=${encodeURIComponent(email)}&password=${encodeURIComponent(password)}`;
    const json = JSON.stringify({ email, password });
    const bodies: [type: string | undefined, body: string][] = [
      ['application/x-www-form-urlencoded', form],
      ['application/x-www-form-urlencoded; charset=application/json', form],
      ['application/json-seq', json],
      [undefined, json],
      ['application/json', form],
      ['application/json', '[]'],
      ['application/json', ''],
      ['application/json', JSON.stringify({ email: [email], password })],
      ['application/json', JSON.stringify({ email: ' ', password })],
    ];
    for (const [type, body] of bodies) {
      const answer = await fetch(`${http.url}/api/auth/sign-in/email`, {
        method: 'POST',
        headers: type === undefined ? {} : { 'content-type': type },
        // Of a text fetch() would say that it is text/plain.
        body: Buffer.from(body),
      });
      expect([type, body, answer.status, answer.headers.get('content-type')]).toEqual([
        type,
        body,
        400,
        'application/problem+json',
      ]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
  });

  test('a text that can’t be stored is refused in every body', async () => {
    const { cookie } = await ownerOf(http);
    for (const bad of ['\0', 'a\0b', '\ud800', '\udc00\ud800']) {
      for (const [path, body] of [
        ['sign-in/email', { email: `${bad}@letterlog.test`, password }],
        ['sign-in/email', { email, password: bad }],
        ['revoke-session', { token: bad }],
        ['change-password', { currentPassword: password, newPassword: `another horse ${bad} battery` }],
      ] as const) {
        const answer = await send(http, 'POST', `/api/auth/${path}`, { cookie, body });
        expect([path, answer.status, answer.body.code]).toEqual([path, 400, 'invalid']);
      }
    }
    expect(http.logged()).not.toContain('a request failed');
    expect((await signIn({ email, password })).status).toBe(200);
  });

  test('the cookie is HttpOnly and SameSite; a forwarded address is not believed without a trusted proxy', async () => {
    await ownerOf(http);
    const session = await signIn(
      { email, password },
      { 'x-forwarded-for': '203.0.113.9', 'x-letterlog-client': '203.0.113.8' },
    );
    const cookie = session.headers.getSetCookie()[0]!;
    expect(cookie).toMatch(/^letterlog\.session_token=.*HttpOnly.*SameSite=Lax/i);
    expect(cookie).not.toContain('Secure');
    const rows = await http.db.selectFrom('session').select('ip_address').orderBy('created_at', 'desc').execute();
    expect(rows[0]!.ip_address).toBe('127.0.0.1');
  });

  test('nobody can sign up, and other endpoints of better-auth are not there', async () => {
    for (const [method, path] of [
      ['POST', '/api/auth/sign-up/email'],
      ['POST', '/api/auth/update-user'],
      ['POST', '/api/auth/change-email'],
      ['POST', '/api/auth/delete-user'],
      ['POST', '/api/auth/request-password-reset'],
      ['GET', '/api/auth/ok'],
      ['GET', '/api/auth/list-accounts'],
    ] as const) {
      const body = method === 'POST' ? { email: 'x@y.example', password, name: 'X' } : undefined;
      expect((await send(http, method, path, { body })).body).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect(await http.db.selectFrom('user').select('id').execute()).toEqual([]);
  });

  test('the password can be changed with the current one, and other sessions can be ended', async () => {
    const owner = await ownerOf(http);
    const other = await signIn({ email, password });
    const change = (body: object) =>
      send(http, 'POST', '/api/auth/change-password', {
        cookie: owner.cookie,
        body: { revokeOtherSessions: true, ...body },
      });
    expect((await change({ currentPassword: 'wrong', newPassword: 'another horse battery' })).body.code).toBe(
      'invalid',
    );
    const short = await change({ currentPassword: password, newPassword: 'short' });
    expect(short.body.detail).toContain('12 to 128');
    expect((await change({ currentPassword: password, newPassword: 'another horse battery' })).status).toBe(200);
    expect((await send(http, 'GET', '/api/v1/me', { cookie: other.cookie })).status).toBe(401);
    expect((await signIn({ email, password })).status).toBe(401);
    expect((await signIn({ email, password: 'another horse battery' })).status).toBe(200);
  });

  test('a tampered or ended session is refused', async () => {
    const { cookie } = await ownerOf(http);
    const tampered = cookie.replace(/=(.)/, (_, first: string) => `=${first === 'a' ? 'b' : 'a'}`);
    expect((await send(http, 'GET', '/api/v1/me', { cookie: tampered })).status).toBe(401);
    await http.db
      .updateTable('session')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .execute();
    expect((await send(http, 'GET', '/api/v1/me', { cookie })).status).toBe(401);
  });
});

describe('requests that another site makes a browser send', () => {
  const attempts: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    {},
  ];

  test('are refused when they carry the cookie, and reads are not', async () => {
    const { cookie } = await ownerOf(http);
    for (const headers of attempts) {
      for (const [method, path] of [
        ['PATCH', '/api/v1/me'],
        ['POST', '/api/v1/api-keys'],
        ['POST', '/api/auth/sign-out'],
      ] as const) {
        const answer = await fetch(`${http.url}${path}`, {
          method,
          headers: { cookie, 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ name: 'Mallory' }),
        });
        expect([answer.status, path, headers]).toEqual([403, path, headers]);
      }
    }
    const me = await send(http, 'GET', '/api/v1/me', { cookie });
    expect(me.body.user.name).toBe('Olivia Owner');
  });

  test('cannot sign a visitor in, nor set the installation up', async () => {
    const token = await http.setupToken();
    for (const headers of attempts.slice(0, 3)) {
      const setup = await send(http, 'POST', '/api/v1/setup', { body: { token }, headers });
      expect(setup.status).toBe(403);
      expect((await signIn({ email, password }, headers)).status).toBe(403);
    }
  });

  test('are no concern with an API key, which no browser sends by itself', async () => {
    const { key } = await ownerOf(http);
    const answer = await send(http, 'PATCH', '/api/v1/me', {
      key,
      body: { name: 'Olivia O.' },
      headers: { origin: 'https://tool.example' },
    });
    expect(answer.status).toBe(200);
  });

  test('a form’s content types are refused', async () => {
    const { key } = await ownerOf(http);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await send(http, 'POST', '/api/v1/api-keys', {
        key,
        body: { name: 'x' },
        headers: { 'content-type': type },
      });
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid' } });
    }
  });
});

test('under https cookies are Secure, and only the public address is an origin of ours', async () => {
  await using secure = await startHttp({ publicUrl: 'https://crm.example.com' });
  await ownerOf(secure);
  const from = (origin: string) =>
    send(secure, 'POST', '/api/auth/sign-in/email', { body: { email, password }, headers: { origin } });
  const session = await from('https://crm.example.com');
  expect(session.status).toBe(200);
  expect(session.headers.getSetCookie()[0]).toMatch(/^__Secure-letterlog\.session_token=.*Secure/);
  expect(session.headers.get('strict-transport-security')).toContain('max-age');
  expect((await from('http://crm.example.com')).status).toBe(403);
  expect((await from('http://localhost:1')).status).toBe(403);
});

import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownerOf, send, startHttp } from './start-http.ts';
import type { Http } from './start-http.ts';

let http: Http;
let webDir: string;
let key: string;
beforeAll(async () => {
  webDir = await mkdtemp(path.join(tmpdir(), 'letterlog-web-'));
  http = await startHttp({ webDir: path.join(webDir, 'web') });
  ({ key } = await ownerOf(http));
});
afterAll(async () => {
  await http[Symbol.asyncDispose]();
  await rm(webDir, { recursive: true, force: true });
});

describe('errors', () => {
  test('are problem+json that says what is wrong, field by field', async () => {
    const answer = await send(http, 'POST', '/api/v1/invitations', {
      key,
      body: { email: 'no address', role: 'king' },
    });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      type: '/api/v1/docs#error-invalid',
      title: 'The request is invalid',
      status: 400,
      code: 'invalid',
      errors: [{ path: 'email' }, { path: 'role' }],
    });
    expect(answer.body.detail).toMatch(/^email: /);
  });

  test('what is no JSON, too large, or nothing at all is refused', async () => {
    const post = (body: string | undefined, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
      fetch(`${http.url}/api/v1/api-keys`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, ...headers },
        body,
      });
    const codes = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];
    expect(await codes(await post('{"name":'))).toEqual([400, 'invalid']);
    expect(await codes(await post('[]'))).toEqual([400, 'invalid']);
    expect(await codes(await post(undefined, {}))).toEqual([400, 'invalid']);
    expect(await codes(await post(JSON.stringify({ name: 'x'.repeat(2_000_000) })))).toEqual([413, 'too_large']);
    expect(await codes(await post('{"name":"a\\u0000b"}'))).toEqual([400, 'invalid']);
  });

  test('unknown paths of the API are 404', async () => {
    for (const [method, pathname] of [
      ['GET', '/api/v1/nothing'],
      ['PUT', '/api/v1/nothing'],
      ['GET', '/api/v1'],
      ['GET', '/api'],
      ['GET', '/api/v2/me'],
      ['GET', '/api/auth/nothing'],
    ] as const) {
      const answer = await send(http, method, pathname, { key });
      expect([pathname, answer.status, answer.body?.code]).toEqual([pathname, 404, 'not_found']);
    }
  });

  test('a path that takes other methods says which', async () => {
    for (const [method, pathname, allow] of [
      ['PUT', '/api/v1/me', 'GET, HEAD, PATCH'],
      ['DELETE', '/api/v1/me', 'GET, HEAD, PATCH'],
      ['POST', '/api/v1/contacts/x', 'GET, HEAD, PATCH, DELETE'],
      ['GET', '/api/auth/sign-out', 'POST'],
      ['POST', '/api/v1/openapi.json', 'GET, HEAD'],
    ] as const) {
      const answer = await send(http, method, pathname, { key });
      expect([pathname, answer.status, answer.body?.code, answer.headers.get('allow')]).toEqual([
        pathname,
        405,
        'method_not_allowed',
        allow,
      ]);
    }
  });

  test('a change without a body, or with one of no type, is refused', async () => {
    for (const pathname of ['/api/v1/me', '/api/v1/account']) {
      for (const body of [undefined, Buffer.from('{"name":"Changed"}')]) {
        const answer = await fetch(`${http.url}${pathname}`, {
          method: 'PATCH',
          headers: { authorization: `Bearer ${key}` },
          body,
        });
        expect([pathname, answer.status, await answer.json()]).toMatchObject([
          pathname,
          400,
          { code: 'invalid', detail: 'Send JSON: the Content-Type must be application/json, and is missing.' },
        ]);
      }
    }
  });

  test('names and subjects of several lines are refused', async () => {
    for (const [pathname, field] of [
      ['contacts', 'firstName'],
      ['contacts', 'lastName'],
      ['contacts', 'company'],
      ['tags', 'name'],
      ['segments', 'name'],
      ['stages', 'name'],
      ['maps', 'name'],
      ['api-keys', 'name'],
      ['tasks', 'subject'],
    ] as const) {
      const answer = await send(http, 'POST', `/api/v1/${pathname}`, { key, body: { [field]: 'a\r\nBcc: x' } });
      const errors = (answer.body.errors ?? []) as { path: string; message: string }[];
      expect([pathname, answer.status, errors.find(({ path: at }) => at === field)?.message]).toEqual([
        pathname,
        400,
        'Must be one line, without control characters.',
      ]);
    }
  });

  test('who hangs up while sending is no error of ours', async () => {
    const { hostname, port } = new URL(http.url);
    const before = http.logged().length;
    const json = 'Content-Type: application/json';
    const paths = ['/api/auth/sign-in/email', '/api/v1/setup'];
    for (const pathname of paths) {
      for (const [fields, body] of [
        [`Content-Length: 100\r\n${json}`, '{'],
        ['Content-Length: 100', '{'],
        [`Transfer-Encoding: chunked\r\n${json}`, '1\r\n{\r\n'],
      ] as const) {
        const socket = connect(Number(port), hostname);
        socket.write(`POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${fields}\r\n\r\n${body}`, () =>
          socket.destroy(),
        );
        await once(socket, 'close');
      }
    }
    const lines = () =>
      http
        .logged()
        .slice(before)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line || '{}') as { msg?: string; level?: number; status?: number });
    const answered = () => lines().filter(({ msg }) => msg === 'answered');
    await expect.poll(() => answered().length).toBe(6);
    expect(answered().map(({ level, status }) => [level, status])).toEqual(Array(6).fill([20, 400]));
    expect(lines()).toHaveLength(6);
  });

  test('what goes wrong here is told by a number only, which the log explains', async () => {
    await sql`alter table tag rename to tag_gone`.execute(http.db);
    const answer = await send(http, 'GET', '/api/v1/tags', { key });
    await sql`alter table tag_gone rename to tag`.execute(http.db);
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    const id = answer.headers.get('x-request-id')!;
    expect(answer.body.detail).toContain(id);
    expect(answer.text).not.toMatch(/tag_|relation|select/);
    const line = http
      .logged()
      .split('\n')
      .find((one) => one.includes(id) && one.includes('"error"'))!;
    expect(JSON.parse(line).error.message).toContain('relation');
    expect(http.logged()).not.toContain(key);
  });

  test('a request that is refused before it is read is answered whatever it claims to be', async () => {
    const statusOf = (options: object) =>
      new Promise((resolve, reject) => {
        const { hostname, port } = new URL(http.url);
        request({ hostname, port, ...options }, (answer) => resolve(answer.resume().statusCode))
          .on('error', reject)
          .end();
      });
    expect(await statusOf({ path: '/api/v1/me', headers: { host: 'evil.example' } })).toBe(401);
    expect(await statusOf({ path: '//evil.example/api/v1/me' })).not.toBe(200);
    expect(await statusOf({ path: '/%', method: 'GET' })).toBeLessThan(504);
    expect(await statusOf({ path: '/api/v1/me%00' })).toBeLessThan(500);
  });
});

describe('headers', () => {
  test('answers of the API are never kept, sniffed, framed or run', async () => {
    const { headers } = await send(http, 'GET', '/api/v1/me', { key });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; sandbox");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test('pages run only our own scripts, and pass no address on', async () => {
    const { headers } = await send(http, 'GET', '/setup?token=x');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });
});

test('health is told: alive, and ready when the database is there and migrated', async () => {
  expect((await send(http, 'GET', '/healthz')).status).toBe(200);
  expect((await send(http, 'GET', '/readyz')).status).toBe(200);
  const name = '0005_automations.sql';
  await sql`delete from migration where name = ${name}`.execute(http.db);
  expect((await send(http, 'GET', '/readyz')).status).toBe(503);
  await sql`insert into migration (name) values (${name})`.execute(http.db);
  expect((await send(http, 'GET', '/readyz')).status).toBe(200);
});

test('tokens in paths and queries are not logged', async () => {
  await send(http, 'GET', '/api/v1/invitations/by-token/secret-invitation');
  await send(http, 'GET', '/invitation/secret-invitation');
  await send(http, 'GET', '/api/v1/setup?token=secret-setup');
  expect(http.logged()).toContain('/by-token/-');
  expect(http.logged()).not.toContain('secret-');
});

describe('the web app', () => {
  test('says so while it is not built, and is served once it is', async () => {
    const before = await send(http, 'GET', '/contacts');
    expect(before.status).toBe(503);
    expect(before.text).toContain('npm run build');

    const dist = path.join(webDir, 'web');
    await mkdir(path.join(dist, 'assets'), { recursive: true });
    await writeFile(path.join(dist, 'index.html'), '<!doctype html><title>Letterlog</title>');
    await writeFile(path.join(dist, 'assets/index-abc123.js'), 'console.log(1)');
    await writeFile(path.join(dist, 'favicon.svg'), '<svg/>');
    await writeFile(path.join(webDir, 'secret.txt'), 'secret');

    for (const pathname of ['/', '/contacts', '/invitation/AbC_d-e', '/setup?token=x']) {
      const page = await send(http, 'GET', pathname);
      expect([pathname, page.status, page.headers.get('content-type')]).toEqual([
        pathname,
        200,
        'text/html; charset=utf-8',
      ]);
      expect(page.headers.get('cache-control')).toBe('no-cache');
    }
    const script = await send(http, 'GET', '/assets/index-abc123.js');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toContain('immutable');
    const icon = await send(http, 'GET', '/favicon.svg');
    expect(icon.headers.get('cache-control')).toBe('no-cache');
    const again = await send(http, 'GET', '/favicon.svg', { headers: { 'if-none-match': icon.headers.get('etag')! } });
    expect(again.status).toBe(304);
    expect((await send(http, 'GET', '/assets/missing.js')).status).toBe(404);
    expect((await send(http, 'POST', '/contacts', { body: {} })).status).toBe(404);
  });

  test('gives nothing from outside its folder', async () => {
    for (const pathname of [
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/..%5csecret.txt',
      '/%00.txt',
    ]) {
      const answer = await send(http, 'GET', pathname);
      expect(answer.text).not.toBe('secret');
      expect(answer.status).toBe(404);
    }
  });
});

test('behind a trusted proxy its word on who asks is taken, and only the last one', async () => {
  await using behind = await startHttp({ trustProxy: true });
  await ownerOf(behind);
  await send(behind, 'POST', '/api/auth/sign-in/email', {
    body: { email: 'olivia@letterlog.test', password: 'correct horse battery' },
    headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' },
  });
  const rows = await behind.db.selectFrom('session').select('ip_address').orderBy('created_at', 'desc').execute();
  expect(rows[0]!.ip_address).toBe('203.0.113.7');
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ownerOf, send, startHttp } from '../../test/http/start-http.ts';
import type { Http } from '../../test/http/start-http.ts';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

let http: Http;
let dataDir: string;
beforeAll(async () => {
  http = await startHttp();
  dataDir = await mkdtemp(path.join(tmpdir(), 'letterlog-cli-'));
});
afterAll(async () => {
  await http[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** Runs the command line as an administrator does, against the running server's database. */
function letterlog(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(import.meta.dirname, 'main.ts'), ...args],
      {
        env: {
          PATH: process.env['PATH'],
          LETTERLOG_DATA_DIR: dataDir,
          DATABASE_URL: http.databaseUrl,
          LETTERLOG_URL: 'https://crm.example.com',
        },
      },
      (error, out, errors) => resolve({ code: (error?.code as number | undefined) ?? 0, out, errors }),
    );
  });
}

test('a set-up link is printed while there is no account, and a key for a user once there is one', async () => {
  const link = await letterlog('setup-link');
  expect(link).toMatchObject({ code: 0, errors: '' });
  const token = /^https:\/\/crm\.example\.com\/setup\?token=([\w-]{43})\n$/.exec(link.out)?.[1];
  expect((await send(http, 'GET', `/api/v1/setup?token=${token}`)).body.valid).toBe(true);

  await ownerOf(http);
  expect(await letterlog('setup-link')).toMatchObject({ code: 1, out: '' });

  const made = await letterlog('api-key', 'create', '--email', 'Olivia@letterlog.test', '--name', 'backup');
  expect(made).toMatchObject({ code: 0, errors: '' });
  const key = made.out.trim();
  const keys = await send(http, 'GET', '/api/v1/api-keys', { key });
  expect(keys.body.map(({ name }: { name: string }) => name)).toContain('backup');

  const unknown = await letterlog('api-key', 'create', '--email', 'nobody@letterlog.test');
  expect(unknown).toMatchObject({ code: 1, out: '' });
  expect(unknown.errors).toContain('nobody@letterlog.test');
});

test('a mailbox that is not connected can not be checked, and that is said', async () => {
  expect(await letterlog('check', '--mailbox', 'nobody@letterlog.test')).toEqual({
    code: 1,
    out: '',
    errors: expect.stringContaining('No mailbox nobody@letterlog.test is connected.'),
  });
});

test('a wrong command says what is right', async () => {
  for (const args of [
    [],
    ['frobnicate'],
    ['api-key', 'create'],
    ['setup-link', '--what'],
    ['check'],
    ['check', '--mailbox', 'a@b.test', '--seconds', 'x'],
  ]) {
    const answer = await letterlog(...args);
    expect(answer.code).toBe(2);
    expect(answer.errors).toContain('Usage: letterlog');
  }
  const help = await letterlog('--help');
  expect(help).toMatchObject({ code: 0, errors: '' });
  expect(help.out).toContain('api-key create');
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startApp } from '../servers/app.ts';
import type { App } from '../servers/app.ts';
import { freePorts } from '../servers/ports.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'letterlog-start-'));
  await chmod(dataDir, 0o711);
});
afterEach(async () => {
  // Those of a test that failed still run, or are about to.
  for (const app of await Promise.allSettled(started.splice(0)))
    if (app.status === 'fulfilled') await app.value.kill('SIGTERM');
  await rm(dataDir, { recursive: true, force: true });
});

const started: Promise<App>[] = [];
function start(): Promise<App> {
  const app = startApp({ dataDir });
  started.push(app);
  return app;
}

/** Runs the product until it ends by itself. */
async function runToEnd(env: Record<string, string>): Promise<{ code: number; errors: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../src/main.ts')], {
    env: { PATH: process.env['PATH'], LETTERLOG_DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { code: code as number, errors };
}

test('a first start prints a set-up link, and a later one a new link while there is no account', async () => {
  const first = await start();
  expect(first.setupToken).toMatch(/^[\w-]{40,}$/);
  await first.kill('SIGTERM');
  const second = await start();
  expect(second.setupToken).toMatch(/^[\w-]{40,}$/);
  expect(second.setupToken).not.toBe(first.setupToken);
  await second.kill('SIGTERM');
});

test('two first starts at once on one data folder both serve, and one goes on when the other stops', async () => {
  const [one, two] = (await Promise.all([start(), start()])) as [App, App];
  await one.kill('SIGTERM');
  expect((await fetch(`${two.url}/readyz`)).status).toBe(200);
  await two.kill('SIGTERM');
});

test('after a kill -9 the next start serves again', async () => {
  const killed = await start();
  await killed.kill('SIGKILL');
  const next = await start();
  expect((await fetch(`${next.url}/readyz`)).status).toBe(200);
  await next.kill('SIGTERM');
});

test('a port that is taken is said plainly, and nothing is written', async () => {
  const app = await start();
  const other = path.join(dataDir, 'other');
  const { code, errors } = await runToEnd({ PORT: new URL(app.url).port, LETTERLOG_DATA_DIR: other });
  expect(code).toBe(1);
  expect(errors).toContain(`Port ${new URL(app.url).port} is taken. Is Letterlog running already?`);
  expect(errors).not.toContain('    at ');
  await app.kill('SIGTERM');
});

test('all wrong settings are said at once', async () => {
  const { code, errors } = await runToEnd({ PORT: 'http', LETTERLOG_ROLES: 'all' });
  expect(code).toBe(1);
  expect(errors).toMatch(/PORT must be[\s\S]*LETTERLOG_ROLES must be/);
});

test('a database that cannot be reached is said without its password', async () => {
  const [port, closed] = (await freePorts(2)) as [number, number];
  const { code, errors } = await runToEnd({
    PORT: String(port),
    DATABASE_URL: `postgres://letterlog:hunter2@127.0.0.1:${closed}/letterlog`,
  });
  expect(code).toBe(1);
  expect(errors).toContain('DATABASE_URL');
  expect(errors).not.toContain('hunter2');
});

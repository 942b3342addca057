import { chown, mkdir, mkdtemp, chmod, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishAnswerMap } from '../fixtures/answer-map.ts';
import { mail } from '../fixtures/mail.ts';
import { type ApiClient, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { type Screen, openScreen } from './screen.ts';

/** History asked for on connecting, in a real browser, on a real mailbox, with a kill -9 in its midst. */
const mailbox = 'olivia@letterlog.test';
const anna = 'anna@customer.test';
const old = 700;

let dovecot: Dovecot;
let dataDir: string;
let app: App;
let api: ApiClient;
let screen: Screen;
let page: Page;
let look: Screen['look'];

beforeAll(async () => {
  dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'letterlog-history-'));
  await chmod(dataDir, 0o711);
  app = await start();
  const { cookie, ...client } = await setUp(app.url, app.setupToken!);
  api = client.api;
  await api.post('/contacts', { firstName: 'Anna', addresses: [anna] });
  await publishAnswerMap(api);
  await fillMaildir();
  screen = await openScreen('history', app.url, cookie);
  ({ page, look } = screen);
}, 120_000);

afterAll(async () => {
  await screen?.[Symbol.asyncDispose]();
  await app?.kill('SIGTERM');
  await dovecot?.[Symbol.asyncDispose]();
  if (dataDir) await rm(dataDir, { recursive: true, force: true });
});

const start = (port?: number) => startApp({ dataDir, port, env: { LETTERLOG_TLS_CA: dovecot.caFile } });

/** Half of the mail is from the contact. */
async function fillMaildir(): Promise<void> {
  await dovecot.doveadm('mailbox', 'create', '-u', mailbox, 'Sent');
  const inbox = dovecot.maildir(mailbox);
  const { uid, gid } = await stat(path.dirname(inbox));
  for (const folder of ['', 'cur', 'new', 'tmp']) {
    await mkdir(path.join(inbox, folder), { recursive: true });
    await chown(path.join(inbox, folder), uid, gid);
  }
  for (let i = 0; i < old; i += 1) {
    const file = path.join(inbox, 'new', `${1_700_000_000 + i}.M${i}.test`);
    await writeFile(file, mail({ from: i % 2 ? 'x@stranger.test' : anna, to: mailbox, subject: `old ${i}` }));
    await chown(file, uid, gid);
  }
}

test('is imported once through a kill -9, fires nothing, and lets live mail by', { timeout: 120_000 }, async () => {
  await page.goto(`${app.url}/profile/email-sync/new`);
  await page.getByLabel('Email address').fill(mailbox);
  await page.locator('button[type=submit]').click();
  await page.locator('input[type=password]').waitFor();
  if (!(await page.getByLabel('Host').isVisible())) await page.getByRole('button', { expanded: false }).last().click();
  await page.getByLabel('Host').fill('localhost');
  await page.getByLabel('Port').fill(String(dovecot.ports.imaps));
  await page.locator('input[type=password]').fill('secret');
  await page.locator('form button[type=submit]').click();
  await page.getByLabel('Since a date').check();
  await look('choice');
  expect(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
  await page.getByLabel('Everything in the chosen folders').check();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('heading', { name: 'Older mail' }).waitFor();

  const [connection] = (await api.get('/connections')).items;
  const history = async () => (await api.get(`/connections/${connection.id}/history`)).items[0];
  await expect.poll(async () => (await history()).logged).toBeGreaterThan(0);
  await api.patch(`/connections/${connection.id}/history`, { state: 'paused' });
  await page.getByRole('button', { name: 'Resume import' }).waitFor();
  const { logged } = await history();
  expect(logged).toBeLessThan(old / 2);
  await look('paused');
  await page.getByRole('button', { name: 'Resume import' }).click();
  // A step that was under way as it was paused is committed, too.
  await expect.poll(async () => (await history()).state).toBe('running');
  await expect.poll(async () => (await history()).logged).toBeGreaterThan(logged);
  const port = Number(new URL(app.url).port);
  await app.kill('SIGKILL');
  await dovecot.deliver(mail({ from: anna, to: mailbox, subject: 'live' }), mailbox);
  app = await start(port);

  await expect.poll(history).toMatchObject({ state: 'done', logged: old / 2, listed: old, total: old, fires: false });
  const tasks = async () => (await api.get('/tasks')).items.length;
  await expect.poll(tasks).toBe(1);
  const { counts } = await api.get(`/connections/${connection.id}`);
  expect(counts).toEqual({ logged: old / 2 + 1, skipped: old / 2, quarantined: 0 });
  await page.getByText(/350 emails logged of 700 listed/).waitFor();
  await look('done');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('button', { name: 'Import more' }).click();
  await look('phone-dark');
});

import { AxeBuilder } from '@axe-core/playwright';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { type ApiClient, connectMailbox, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { startChromium } from '../servers/chromium.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';

/** Screens where something is unusual: a narrow window, a very long mail, an address that leads nowhere, two dialogs. */
const mailbox = 'olivia@letterlog.test';
const anna = 'anna@customer.test';
const pictures = path.join(import.meta.dirname, '../../test-results');

let dovecot: Dovecot;
let app: App;
let api: ApiClient;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let contactId: string;
let connectionId: string;

beforeAll(async () => {
  await mkdir(pictures, { recursive: true });
  dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  app = await startApp({ env: { LETTERLOG_TLS_CA: dovecot.caFile, LETTERLOG_SWEEP_SECONDS: '5' } });
  const { cookie, ...client } = await setUp(app.url, app.setupToken!);
  api = client.api;
  contactId = (await api.post('/contacts', { firstName: 'Anna', addresses: [anna] })).id;
  const target = { address: mailbox, password: 'secret', host: 'localhost', port: dovecot.ports.imaps };
  connectionId = (await connectMailbox(api, target, ['INBOX'])).id;
  browser = await startChromium();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  const [name, value] = cookie.split('; ')[0]!.split('=') as [string, string];
  await context.addCookies([{ name, value, url: app.url }]);
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
}, 120_000);

afterAll(async () => {
  await page?.screenshot({ path: path.join(pictures, 'odd-last.png') }).catch(() => undefined);
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
  await dovecot?.[Symbol.asyncDispose]();
});

/** A picture in light and dark, and what axe finds in each. */
async function look(name: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    // Half-way from one colour to another there is no contrast.
    await expect.poll(() => page.evaluate(moving)).toBe(0);
    await page.screenshot({ path: path.join(pictures, `odd-${name}-${colorScheme}.png`) });
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
    expect.soft(found, `${name} ${colorScheme}`).toEqual([]);
  }
}

/** How many transitions are under way; those without end are none. */
const moving = () =>
  document
    .getAnimations()
    .filter(({ playState, effect }) => playState === 'running' && Number(effect?.getComputedTiming().endTime) < 1e5)
    .length;

/** The email of this subject in Anna's log, once it is there. */
async function itemOf(subject: string): Promise<string> {
  let id: string | undefined;
  await expect
    .poll(
      async () => {
        const { items } = await api.get(`/contacts/${contactId}/log`);
        id = items.find((item: { message?: { subject: string } }) => item.message?.subject.startsWith(subject))?.id;
        return id;
      },
      { timeout: 60_000 },
    )
    .toBeTruthy();
  return id!;
}

test('users and API keys on a phone', { timeout: 120_000 }, async () => {
  await page.setViewportSize({ width: 390, height: 780 });
  for (const [screen, words, action] of [
    ['users', mailbox, 'Leave'],
    ['api-keys', 'test', 'Revoke'],
  ] as const) {
    await page.goto(`${app.url}/administration/${screen}`);
    const card = page.getByRole('listitem').filter({ hasText: words }).last();
    const { x, width } = (await card.getByRole('button', { name: action }).boundingBox())!;
    expect(x + width).toBeLessThanOrEqual(390);
    await look(`${screen}-phone`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('an address that leads nowhere keeps the navigation', { timeout: 120_000 }, async () => {
  await page.goto(`${app.url}/nope/at/all`);
  await page.getByRole('main').getByRole('heading', { level: 1, name: 'There is nothing at this address' }).waitFor();
  await look('nowhere');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tasks' }).click();
  await page.getByRole('heading', { level: 1, name: 'Tasks' }).waitFor();
});

test('the page of one’s own mailbox is marked in the navigation', { timeout: 120_000 }, async () => {
  const marked = page.getByRole('navigation', { name: 'Main' }).locator('[data-status=active]');
  for (const [screen, entry] of [
    [`/profile/email-sync/${connectionId}`, 'Email Sync'],
    ['/profile/email-sync/exclusions', 'Exclusions'],
    [`/administration/email/email-sync/${connectionId}`, 'Email Sync'],
  ]) {
    await page.goto(`${app.url}${screen}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expect.poll(() => marked.allTextContents()).toEqual([entry]);
  }
});

test(
  'notices stay whole above a long email, and a long subject doesn’t fill the screen',
  { timeout: 180_000 },
  async () => {
    await dovecot.deliver(
      mail({
        from: anna,
        to: mailbox,
        subject: `Long ${'subject '.repeat(800)}`,
        headers: Array.from({ length: 1500 }, (_, n) => `X-Odd-${n}: ${n}`),
        text: Array.from({ length: 5000 }, (_, n) => `Line ${n}`).join('\r\n'),
      }),
      mailbox,
    );
    await page.goto(`${app.url}/contacts/${contactId}?item=${await itemOf('Long')}`);
    const notice = page.getByRole('alert').filter({ hasText: "Parts of this email couldn't be read" });
    const words = notice.getByText('The header has more than 1,000 fields');
    const [outer, inner] = [(await notice.boundingBox())!, (await words.boundingBox())!];
    expect(inner.y + inner.height).toBeLessThanOrEqual(outer.y + outer.height);
    // Text and buttons are on the screen.
    expect((await page.getByText('Line 0', { exact: false }).first().boundingBox())!.y).toBeLessThan(800);
    await look('long-email');
    await page.setViewportSize({ width: 390, height: 780 });
    await look('long-email-phone');
    await page.setViewportSize({ width: 1280, height: 800 });
  },
);

test('a pop-up waits until the email that is open is closed', { timeout: 180_000 }, async () => {
  await dovecot.deliver(mail({ from: anna, to: mailbox, subject: 'Short', text: 'Hello' }), mailbox);
  const item = await itemOf('Short');
  await dovecot.setPassword(mailbox, 'another');
  await dovecot.doveadm('kick', mailbox);
  await page.goto(`${app.url}/contacts/${contactId}?item=${item}`);
  const email = page.getByRole('dialog', { name: 'Email' });
  const popUp = page.getByRole('dialog').filter({ hasText: 'refuses the password' });
  await email.getByText('Hello').waitFor();
  await page.getByText(/has not been synced since/).waitFor({ timeout: 90_000 });
  expect(await popUp.count()).toBe(0);
  await look('email-in-an-outage');
  await page.keyboard.press('Escape');
  await email.waitFor({ state: 'detached' });
  // It has the keyboard to itself.
  await expect.poll(() => popUp.locator(':focus').count()).toBe(1);
  await look('pop-up');
});

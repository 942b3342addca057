import { AxeBuilder } from '@axe-core/playwright';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { type ApiClient, connectMailbox, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { startChromium } from '../servers/chromium.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';

/** A contact's log by conversation, in a real browser, with mail on a real mailbox. */
const mailbox = 'olivia@letterlog.test';
const anna = 'Anna Sommer <anna@customer.test>';
const pictures = path.join(import.meta.dirname, '../../test-results');

let dovecot: Dovecot;
let app: App;
let api: ApiClient;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  await mkdir(pictures, { recursive: true });
  dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  app = await startApp({ env: { LETTERLOG_TLS_CA: dovecot.caFile } });
  const { cookie, ...client } = await setUp(app.url, app.setupToken!);
  api = client.api;
  browser = await startChromium();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  const [name, value] = cookie.split('; ')[0]!.split('=') as [string, string];
  await context.addCookies([{ name, value, url: app.url }]);
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
}, 120_000);

afterAll(async () => {
  await page?.screenshot({ path: path.join(pictures, 'conversations-last.png') }).catch(() => undefined);
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
  await dovecot?.[Symbol.asyncDispose]();
});

async function look(name: string): Promise<void> {
  await page.waitForTimeout(250);
  await page.screenshot({ path: path.join(pictures, `conversations-${name}.png`) });
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  expect.soft(found, name).toEqual([]);
}

/** In a second of its own: a mail server's receive times have no smaller part, and they order the log. */
async function receive(
  subject: string,
  id: string,
  inReplyTo?: string,
  text?: string,
  headers: string[] = [],
): Promise<void> {
  const second = () => Math.floor(Date.now() / 1000);
  const before = second();
  await expect.poll(second).toBeGreaterThan(before);
  await dovecot.deliver(
    mail({ from: anna, to: mailbox, subject, messageId: `${id}@customer.test`, inReplyTo, text, headers }),
    mailbox,
  );
}

test('a log is read by conversation, live, with its quoted text folded', { timeout: 120_000 }, async () => {
  const contact = await api.post('/contacts', {
    firstName: 'Anna',
    lastName: 'Sommer',
    addresses: ['anna@customer.test'],
  });
  await connectMailbox(api, { address: mailbox, password: 'secret', host: 'localhost', port: dovecot.ports.imaps });
  await receive('Offer for the façade', 'offer');
  await receive(
    'Re: Offer for the façade',
    'answer',
    'offer@customer.test',
    'Agreed.\r\n\r\nOn Monday Olivia wrote:\r\n> the old text\r\n> of the offer\r\n',
  );
  await receive('Invoice', 'invoice');
  const logged = async () => (await api.get(`/contacts/${contact.id}/log`)).items.length;
  await expect.poll(logged).toBe(3);

  await page.goto(`${app.url}/contacts/${contact.id}`);
  await page.getByText('By conversation').click();
  await expect.poll(() => page.url()).toContain('view=conversations');
  const talk = page.getByRole('button', { name: /Offer for the façade/ }).first();
  await talk.getByText('2', { exact: false }).first().waitFor();
  await receive('Re: Re: Offer for the façade', 'third', 'answer@customer.test');
  await talk.getByText('3 emails').waitFor();
  expect(await page.getByRole('list', { name: 'Contact Log, newest first' }).getByRole('button').count()).toBe(2);
  await talk.click();
  const emails = page.getByRole('list', { name: 'Emails of this conversation, oldest first' }).getByRole('listitem');
  await expect.poll(() => emails.count()).toBe(3);
  expect(await emails.nth(0).textContent()).toMatch(/^Offer/);
  await look('unfolded');
  await emails.nth(1).getByRole('button').click();
  const drawer = page.getByRole('dialog');
  await drawer.getByText('Agreed.').waitFor();
  expect(await drawer.getByText('the old text').isVisible()).toBe(false);
  await look('opened');
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'hidden' });
  expect(page.url()).toContain('view=conversations');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await emails.nth(0).scrollIntoViewIfNeeded();
  await look('phone-dark');
});

test(
  'mail whose sender could not be confirmed is marked, and who checks senders can be corrected',
  { timeout: 120_000 },
  async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'light' });
    const [connection] = (await api.get('/connections')).items;
    await page.goto(`${app.url}/profile/email-sync/${connection.id}`);
    await page.getByRole('radio', { name: 'This server' }).check();
    await page.getByLabel('Name of the server').fill('mx.letterlog.test');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('It counts for mail from now on').waitFor();
    await page.getByRole('region', { name: 'Forged senders' }).scrollIntoViewIfNeeded();
    await look('senders');

    const found =
      'Authentication-Results: mx.letterlog.test; spf=softfail smtp.mailfrom=evil.test; dmarc=fail header.from=customer.test';
    await receive('Our new bank details', 'forged', undefined, 'Pay here from now on.', [found]);
    const [contact] = (await api.get('/contacts')).items;
    await page.goto(`${app.url}/contacts/${contact.id}`);
    const line = page.getByRole('button', { name: /Our new bank details/ });
    await line.getByText('Sender not confirmed').waitFor({ timeout: 30_000 });
    await look('forged-line');
    await line.click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('By the rules of customer.test, this was not sent by it.').waitFor();
    await drawer.getByText('not confirmed by mx.letterlog.test (spf=softfail, dmarc=fail)').waitFor();
    await look('forged');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 844 });
    await look('forged-phone-dark');
  },
);

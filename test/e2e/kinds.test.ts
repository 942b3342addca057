import { AxeBuilder } from '@axe-core/playwright';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ImapFlow } from 'imapflow';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { type ApiClient, connectMailbox, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { startChromium } from '../servers/chromium.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';

/** Mail that no person wrote, and drafts, on a real mailbox: from LMTP and APPEND to the label in the log. */
const mailbox = 'olivia@letterlog.test';
const anna = 'anna@customer.test';
const daemon = 'postmaster@customer.test';
const pictures = path.join(import.meta.dirname, '../../test-results');

let dovecot: Dovecot;
let app: App;
let api: ApiClient;
let browser: Browser;
let page: Page;
let contactId: string;

beforeAll(async () => {
  await mkdir(pictures, { recursive: true });
  dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  app = await startApp({ env: { LETTERLOG_TLS_CA: dovecot.caFile } });
  const { cookie, ...client } = await setUp(app.url, app.setupToken!);
  api = client.api;
  contactId = (await api.post('/contacts', { firstName: 'Anna', lastName: 'Sommer', addresses: [anna, daemon] })).id;
  await connectMailbox(api, { address: mailbox, password: 'secret', host: 'localhost', port: dovecot.ports.imaps }, [
    'INBOX',
    'Sent',
    'Drafts',
  ]);
  browser = await startChromium();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  const [name, value] = cookie.split('; ')[0]!.split('=') as [string, string];
  await context.addCookies([{ name, value, url: app.url }]);
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
}, 120_000);

afterAll(async () => {
  await page?.screenshot({ path: path.join(pictures, 'kinds-last.png') }).catch(() => undefined);
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
  await dovecot?.[Symbol.asyncDispose]();
});

async function look(name: string): Promise<void> {
  await page.waitForTimeout(250);
  await page.screenshot({ path: path.join(pictures, `kinds-${name}.png`) });
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  expect.soft(found, name).toEqual([]);
}

async function publish(name: string, alsoFor: string[]): Promise<string> {
  const { id } = await api.post('/maps', { name });
  await api.patch(`/maps/${id}`, {
    graph: {
      elements: [
        { id: 'trigger', kind: 'email_received', alsoFor },
        { id: 'score', kind: 'change_lead_score', by: 1 },
        { id: 'end', kind: 'end' },
      ],
      arrows: [
        { from: 'trigger', to: 'score' },
        { from: 'score', to: 'end' },
      ],
    },
  });
  await api.post(`/maps/${id}/publish`);
  return id;
}

const items = async (): Promise<any[]> => (await api.get(`/contacts/${contactId}/log`)).items;
const subjects = async () => (await items()).map((item) => item.message?.subject).sort();
const fired = async (mapId: string) =>
  (await api.get(`/maps/${mapId}/firings`)).items.map((firing: { kind: string }) => firing.kind).sort();

const away = mail({
  from: `Anna Sommer <${anna}>`,
  to: mailbox,
  subject: 'Re: Offer for the façade',
  headers: ['Auto-Submitted: auto-replied (vacation)'],
  text: 'I am away until Monday.\r\n',
});

const bounce = [
  `From: Microsoft Outlook <${daemon}>`,
  `To: ${mailbox}`,
  'Subject: =?utf-8?Q?Unzustellbar=3A_Offer_for_the_fa=C3=A7ade?=',
  `Date: ${new Date().toUTCString()}`,
  'Message-ID: <ndr.1@customer.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/report; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'Ihre Nachricht konnte nicht zugestellt werden.',
  '--b',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns;mx.customer.test',
  '',
  'Final-Recipient: rfc822;a-rather-long-name-of-somebody@purchasing.customer.test',
  'Action: failed',
  'Status: 5.1.1',
  '--b--',
  '',
].join('\r\n');

test(
  'a vacation reply and a bounce are logged with their labels and start only what asks for them',
  { timeout: 120_000 },
  async () => {
    const calm = await publish('Answer within a day', []);
    const eager = await publish('Look after bounces', ['auto_reply', 'bounce']);
    await dovecot.deliver(away, mailbox);
    await dovecot.deliver(bounce, mailbox);
    await dovecot.deliver(mail({ from: anna, to: mailbox, subject: 'Question' }), mailbox);
    await expect
      .poll(subjects, { timeout: 30_000 })
      .toEqual(['Question', 'Re: Offer for the façade', 'Unzustellbar: Offer for the façade']);
    expect(await fired(calm)).toEqual(['personal']);
    expect(await fired(eager)).toEqual(['auto_reply', 'bounce', 'personal']);
    const report = (await items()).find((item) => item.message.kind === 'bounce');
    expect(report.message.delivery).toEqual({
      status: 'failed',
      recipients: ['a-rather-long-name-of-somebody@purchasing.customer.test'],
    });

    await page.goto(`${app.url}/contacts/${contactId}`);
    const log = page.getByRole('list', { name: 'Contact Log, newest first' });
    await log.getByText('automatic reply').waitFor();
    await log.getByText(/delivery failed to a-rather-long-name/).waitFor();
    await look('light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look('dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await log.getByText('automatic reply').scrollIntoViewIfNeeded();
    await look('phone-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await look('phone');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1280, height: 800 });

    await log.getByRole('button', { name: /Unzustellbar/ }).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('Why is this here?').click();
    await drawer
      .getByText(
        "It didn't start “Answer within a day”: it is a bounce, and that starts only for mail that a person wrote.",
      )
      .waitFor();
    await drawer.getByText('It started “Look after bounces”.').waitFor();
    await look('why');
    await page.goto(`${app.url}/automations/${eager}?tab=firings`);
    await page.getByText('automatic reply').waitFor();
    await look('firings');
  },
);

test('edge case 13: drafts are never logged, and what is sent is logged once', { timeout: 90_000 }, async () => {
  const client = new ImapFlow({
    host: 'localhost',
    port: dovecot.ports.imaps,
    secure: true,
    auth: { user: mailbox, pass: 'secret' },
    tls: { ca: dovecot.ca },
    logger: false,
  } as never);
  await client.connect();
  try {
    const before = await subjects();
    const text = (body: string) =>
      mail({ from: mailbox, to: anna, subject: 'Written', messageId: 'written@letterlog.test', text: body });
    // A draft, and the state of it that is saved after.
    await client.append('Drafts', text('Dear'), ['\\Draft', '\\Seen']);
    await client.append('Drafts', text('Dear Anna'), ['\\Draft', '\\Seen']);
    // What comes after them in the same folder is where the ledger is when they have been looked at.
    const decisions = async () =>
      (await api.get('/why?messageId=written@letterlog.test')).sightings
        .map((one: { rule: string }) => one.rule)
        .sort();
    await expect.poll(decisions).toEqual(['draft', 'draft']);
    expect(await subjects()).toEqual(before);
    await client.mailboxOpen('Drafts');
    await client.messageDelete('1:*');
    await client.append('Sent', text('Dear Anna'), ['\\Seen']);
    await client.append('Sent', text('Dear Anna'), ['\\Seen']);
    await expect.poll(decisions).toEqual(['contact', 'contact', 'draft', 'draft']);
    const written = (await items()).filter((item) => item.message?.subject === 'Written');
    expect(written.map((item) => [item.direction, item.class])).toEqual([['sent', 'live']]);
  } finally {
    await client.logout();
  }
});

import { ImapFlow } from 'imapflow';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import type { ApiClient } from '../servers/api-client.ts';
import type { App } from '../servers/app.ts';
import type { Dovecot } from '../servers/dovecot.ts';
import { type Office, mailboxOf, openOffice } from './office.ts';
import { type Screen, openScreen } from './screen.ts';

/** Mail that no person wrote, and drafts, on a real mailbox: from LMTP and APPEND to the label in the log. */
const mailbox = mailboxOf.olivia;
const anna = 'anna@customer.test';
const daemon = 'postmaster@customer.test';

let office: Office;
let dovecot: Dovecot;
let app: App;
let api: ApiClient;
let screen: Screen;
let page: Page;
let look: Screen['look'];
let contactId: string;

beforeAll(async () => {
  office = await openOffice();
  ({ app, dovecot, olivia: api } = office);
  contactId = (await api.post('/contacts', { firstName: 'Anna', lastName: 'Sommer', addresses: [anna, daemon] })).id;
  await office.connect('olivia', { folders: ['INBOX', 'Sent', 'Drafts'] });
  screen = await openScreen('kinds', app.url, office.cookie);
  ({ page, look } = screen);
}, 120_000);

afterAll(async () => {
  await screen?.[Symbol.asyncDispose]();
  await office?.[Symbol.asyncDispose]();
});

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

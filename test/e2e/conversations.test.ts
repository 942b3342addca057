import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import type { ApiClient } from '../servers/api-client.ts';
import type { App } from '../servers/app.ts';
import type { Dovecot } from '../servers/dovecot.ts';
import { type Office, mailboxOf, openOffice } from './office.ts';
import { type Screen, openScreen } from './screen.ts';

/** A contact's log by conversation, in a real browser, with mail on a real mailbox. */
const mailbox = mailboxOf.olivia;
const anna = 'Anna Sommer <anna@customer.test>';

let office: Office;
let dovecot: Dovecot;
let app: App;
let api: ApiClient;
let screen: Screen;
let page: Page;
let look: Screen['look'];

beforeAll(async () => {
  office = await openOffice();
  ({ app, dovecot, olivia: api } = office);
  screen = await openScreen('conversations', app.url, office.cookie);
  ({ page, look } = screen);
}, 120_000);

afterAll(async () => {
  await screen?.[Symbol.asyncDispose]();
  await office?.[Symbol.asyncDispose]();
});

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
  await office.connect('olivia');
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

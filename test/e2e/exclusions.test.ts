import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import type { ApiClient } from '../servers/api-client.ts';
import type { App } from '../servers/app.ts';
import type { Dovecot } from '../servers/dovecot.ts';
import { type Office, mailboxOf, openOffice } from './office.ts';
import { type Screen, openScreen } from './screen.ts';

/** Exclusions in a real browser, with mail on a real mailbox. */
const mailbox = mailboxOf.olivia;
const ben = 'Ben Weber <ben@partner.test>';

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
  screen = await openScreen('exclusions', app.url, office.cookie);
  ({ page, look } = screen);
}, 120_000);

afterAll(async () => {
  await screen?.[Symbol.asyncDispose]();
  await office?.[Symbol.asyncDispose]();
});

const deliver = (subject: string, to: string[]) =>
  dovecot.deliver(mail({ from: ben, to, subject, messageId: `${subject}@partner.test` }), mailbox);
const toast = (text: RegExp) => page.getByRole('alert').filter({ hasText: text }).first();

test(
  'people are excluded, the log says who was left out, and their mail comes back',
  { timeout: 300_000 },
  async () => {
    const make = (firstName: string, lastName: string, address: string) =>
      api.post('/contacts', { firstName, lastName, addresses: [address] });
    const anna = await make('Anna', 'Sommer', 'anna@customer.test');
    const contact = await make('Ben', 'Weber', 'ben@partner.test');
    await office.connect('olivia');
    const logOf = async (id: string) => (await api.get(`/contacts/${id}/log`)).items.length;
    await deliver('before', [mailbox]);
    await expect.poll(() => logOf(contact.id)).toBe(1);

    await page.goto(`${app.url}/administration/email/email-sync`);
    await page.getByRole('link', { name: 'Exclusions' }).first().click();
    await page.getByRole('heading', { name: 'Nothing is excluded' }).waitFor();
    await look('empty');
    const field = page.getByLabel('Address or domain');
    await field.fill('partner');
    await field.press('Enter');
    await page.getByText('Write the whole domain').waitFor();
    await field.fill('gmail.com');
    await field.press('Enter');
    await page.getByRole('dialog').getByText('Everybody can have an address at gmail.com').waitFor();
    await look('asked');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await field.fill('Partner.TEST');
    await field.press('Enter');
    const list = page.getByRole('list', { name: 'Excluded for everybody' });
    await list.getByText('partner.test').waitFor();
    await page.getByText('1 email with partner.test stays in the log').waitFor();
    await page.getByRole('button', { name: 'letterlog.test is ours' }).click();
    await list.getByText('Own domain').waitFor();
    await look('list');

    await deliver('to both', [mailbox, 'anna@customer.test']);
    await deliver('alone', [mailbox]);
    await expect.poll(() => logOf(anna.id)).toBe(1);
    expect(await logOf(contact.id)).toBe(1);
    await page.goto(`${app.url}/contacts/${anna.id}`);
    await page.getByRole('button', { name: /to both/ }).click();
    await page.getByText('Why is this here?').click();
    await page
      .getByText('Ben Weber (ben@partner.test) was left out: the account excludes partner.test.')
      .first()
      .waitFor();
    await look('why');

    await page.goto(`${app.url}/contacts/${contact.id}`);
    await page.getByText('Emails from and to it aren’t logged for anybody here: partner.test is excluded.').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await look('contact-dark');
    await page.getByRole('link', { name: 'Exclusions', exact: true }).last().click();
    await list.getByText('partner.test').waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await look('list-phone-dark');
    await page.emulateMedia({ colorScheme: 'light' });

    await page.getByRole('button', { name: 'Remove partner.test' }).click();
    await toast(/partner\.test is not excluded any more\. 2 emails/).waitFor();
    await look('removed-phone');
    await expect.poll(() => logOf(contact.id)).toBe(3);
    await page.getByRole('button', { name: 'Undo' }).click();
    await list.getByText('partner.test').waitFor();

    await page.goto(`${app.url}/profile/email-sync/exclusions`);
    await page.getByRole('heading', { name: 'Nothing is excluded' }).waitFor();
    await page.getByLabel('Address or domain').fill('doctor@clinic.test');
    await page.keyboard.press('Enter');
    await page.getByRole('list', { name: 'Excluded in your mailboxes' }).getByText('doctor@clinic.test').waitFor();
    await look('mine-phone');
  },
);

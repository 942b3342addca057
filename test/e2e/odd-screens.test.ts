import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import type { ApiClient } from '../servers/api-client.ts';
import type { App } from '../servers/app.ts';
import type { Dovecot } from '../servers/dovecot.ts';
import { type Office, mailboxOf, openOffice } from './office.ts';
import { type Screen, openScreen } from './screen.ts';

/** Screens where something is unusual: a narrow window, a very long mail, an address that leads nowhere, two dialogs. */
const mailbox = mailboxOf.olivia;
const anna = 'anna@customer.test';

let office: Office;
let dovecot: Dovecot;
let app: App;
let api: ApiClient;
let screen: Screen;
let page: Page;
let look: Screen['look'];
let contactId: string;
let connectionId: string;

beforeAll(async () => {
  office = await openOffice();
  ({ app, dovecot, olivia: api } = office);
  contactId = (await api.post('/contacts', { firstName: 'Anna', addresses: [anna] })).id;
  connectionId = (await office.connect('olivia', { folders: ['INBOX'] })).id;
  screen = await openScreen('odd', app.url, office.cookie);
  ({ page, look } = screen);
}, 120_000);

afterAll(async () => {
  await screen?.[Symbol.asyncDispose]();
  await office?.[Symbol.asyncDispose]();
});

/** In light and dark. */
async function lookTwice(picture: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await look(`${picture}-${colorScheme}`);
  }
}

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
    await lookTwice(`${screen}-phone`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('an address that leads nowhere keeps the navigation', { timeout: 120_000 }, async () => {
  await page.goto(`${app.url}/nope/at/all`);
  await page.getByRole('main').getByRole('heading', { level: 1, name: 'There is nothing at this address' }).waitFor();
  await lookTwice('nowhere');
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
    await lookTwice('long-email');
    await page.setViewportSize({ width: 390, height: 780 });
    await lookTwice('long-email-phone');
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
  await lookTwice('email-in-an-outage');
  await page.keyboard.press('Escape');
  await email.waitFor({ state: 'detached' });
  // It has the keyboard to itself.
  await expect.poll(() => popUp.locator(':focus').count()).toBe(1);
  await lookTwice('pop-up');
});

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import type { ApiClient } from '../servers/api-client.ts';
import type { App } from '../servers/app.ts';
import type { Dovecot } from '../servers/dovecot.ts';
import { type Office, mailboxOf, openOffice, passwordOf } from './office.ts';
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

test('what is typed into a contact and can’t be, stays untouched or is refused in plain words', async () => {
  const { id } = await api.post('/contacts', { firstName: 'Bea', leadScore: 7 });
  await page.goto(`${app.url}/contacts/${id}`);
  const field = (label: string) => page.getByRole('textbox', { name: label });
  await field('Lead score').fill('');
  await field('Lead score').press('Enter');
  await expect.poll(() => field('Lead score').inputValue()).toBe('7');
  await field('Lead score').fill('99999999999999999999');
  await field('Lead score').press('Enter');
  await page.getByText('This is more than 1,000,000.', { exact: true }).waitFor();
  await field('Company').fill('x'.repeat(300));
  await field('Company').press('Enter');
  await page.getByText('This is longer than 200 characters.', { exact: true }).waitFor();
  await look('refused-fields');
  expect(await api.get(`/contacts/${id}`)).toMatchObject({ leadScore: 7, company: '' });
});

test('long names fit on a phone', async () => {
  const [company, local] = ['Unbreakable'.repeat(14), 'a'.repeat(60)];
  const address = `${local}@${`${'b'.repeat(50)}.`.repeat(3)}test`;
  const { id } = await api.post('/contacts', { firstName: 'Cleo', company, addresses: [address] });
  const { id: nameless } = await api.post('/contacts', { addresses: [`c${address}`] });
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    for (const contact of [nameless, id]) {
      await page.goto(`${app.url}/contacts/${contact}`);
      await page.getByRole('heading', { name: 'Nothing yet' }).waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
    await lookTwice(`long-names-${width}`);
  }
});

test('an id that is none leads nowhere', async () => {
  for (const address of ['contacts/xyz', 'automations/xyz', 'profile/email-sync/xyz']) {
    await page.goto(`${app.url}/${address}`);
    await page.getByRole('main').getByRole('heading', { name: 'There is nothing at this address' }).waitFor();
  }
});

test('Back leaves a contact whose email was closed', { timeout: 180_000 }, async () => {
  await dovecot.deliver(mail({ from: anna, to: mailbox, subject: 'Closed', text: 'Hello' }), mailbox);
  const item = await itemOf('Closed');
  const email = page.getByRole('dialog', { name: 'Email' });
  const close = async () => {
    await email.getByText('Hello').waitFor();
    await page.keyboard.press('Escape');
    await email.waitFor({ state: 'detached' });
    await expect.poll(() => page.url()).toBe(`${app.url}/contacts/${contactId}`);
  };
  // Opened in the log, and by its own address.
  await page.goto(`${app.url}/tasks`);
  await page.goto(`${app.url}/contacts/${contactId}`);
  await page.getByRole('list', { name: 'Contact Log' }).getByText('Closed').first().click();
  await close();
  await page.goBack();
  await expect.poll(() => page.url()).toBe(`${app.url}/tasks`);
  await page.goto(`${app.url}/contacts/${contactId}?item=${item}`);
  await close();
  await page.goBack();
  await expect.poll(() => page.url()).toBe(`${app.url}/tasks`);
});

test('Escape in a dialog leaves the selection below it', async () => {
  await page.goto(`${app.url}/profile/email-sync`);
  await page.getByRole('checkbox', { name: `Select ${mailbox}` }).check();
  const bar = page.getByRole('group', { name: 'Actions on the selected' });
  await bar.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect.poll(() => bar.locator(':focus').textContent()).toBe('Delete');
  await page.keyboard.press('Escape');
  await bar.waitFor({ state: 'detached' });
});

test('a new connection goes on where it was left', { timeout: 180_000 }, async () => {
  const second = 'second@letterlog.test';
  await dovecot.addUser(second);
  const signIn = () => page.getByRole('button', { name: 'Sign In', exact: true }).click();
  const begin = async (address: string) => {
    await page.goto(`${app.url}/profile/email-sync/new`);
    await page.getByRole('textbox', { name: 'Email address' }).fill(address);
    await signIn();
  };
  await begin(second);
  await page.getByRole('textbox', { name: 'Password' }).fill('secret');
  await page.getByRole('textbox', { name: 'Host' }).fill('localhost');
  await page.getByRole('textbox', { name: 'Port' }).fill(String(dovecot.ports.imaps));
  await signIn();
  const folders = page.getByRole('heading', { name: `You are signed in to ${second}` });
  await folders.waitFor();
  await page.reload();
  await folders.waitFor();
  await begin(second.toUpperCase());
  await page.getByRole('alert').getByText(`You have connected ${second} already.`).waitFor();
  await lookTwice('connected-already');
  await page.getByRole('link', { name: 'Choose its folders' }).click();
  await folders.waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: second }).waitFor();
  await begin(second);
  await page.getByRole('link', { name: 'Open it' }).click();
  await page.getByRole('heading', { level: 1, name: second }).waitFor();
});

test('a member who asks for everybody’s mailboxes finds their own', { timeout: 120_000 }, async () => {
  await using other = await openScreen('odd-member', app.url);
  await other.page.goto(`${app.url}/administration/email/email-sync`);
  await other.page.getByLabel('Email').fill(mailboxOf.max);
  await other.page.getByRole('textbox', { name: 'Password' }).fill(passwordOf);
  await other.page.getByRole('button', { name: 'Sign In' }).click();
  await other.page.getByRole('heading', { level: 2, name: 'Connect your mailbox' }).waitFor();
  expect(other.page.url()).toBe(`${app.url}/profile/email-sync`);
});

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

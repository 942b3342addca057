import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { type App, startApp } from '../servers/app.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { type Screen, openScreen } from './screen.ts';

/** The whole way that a person goes on the first day, in a real browser, with a real mailbox. */
const mailbox = 'olivia@letterlog.test';
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGNoYGDAgxhGpTEQAGZbPJDq3R1uAAAAAElFTkSuQmCC',
  'base64',
);

let dovecot: Dovecot;
let app: App;
let screen: Screen;
let page: Page;
let look: Screen['look'];
const complaints: string[] = [];

beforeAll(async () => {
  dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  app = await startApp({ env: { LETTERLOG_TLS_CA: dovecot.caFile } });
  screen = await openScreen('first-day', app.url);
  ({ page, look } = screen);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
}, 120_000);

afterAll(async () => {
  await screen?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
  await dovecot?.[Symbol.asyncDispose]();
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
const field = (label: string | RegExp) => page.getByLabel(label).first();

/** Live updates keep a connection open, so the page is never idle: wait for what is to be seen instead. */
async function see(text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor({ timeout: 15_000 });
}

test('from the printed link to the task that a mail made', { timeout: 300_000 }, async () => {
  await page.goto(`${app.url}/setup?token=${app.setupToken}`);
  await see('Set up Letterlog');
  await field('Account name').fill('Northwind');
  await field('Your name').fill('Olivia Owner');
  await field(/email/i).fill(mailbox);
  await page.locator('input[type=password]').fill('correct horse battery');
  await look('01-set-up');
  await page.locator('button[type=submit]').click();

  await see('No contacts yet');
  await look('02-no-contacts');
  await button('Add a contact').click();
  await field('First name').fill('Anna');
  await field('Last name').fill('Sommer');
  await field('Company').fill('Sommer & Söhne');
  await field('Primary email address').fill('anna@customer.test');
  await look('03-add-contact');
  await page.getByRole('dialog').locator('button[type=submit]').click();
  await page.getByRole('heading', { name: 'Anna Sommer' }).waitFor();
  const contactUrl = page.url();
  await look('04-contact-without-mail');

  await page.goto(`${app.url}/profile/email-sync/new`);
  await field('Email address').fill(mailbox);
  await look('05-connect-address');
  await page.locator('button[type=submit]').click();
  await page.locator('input[type=password]').waitFor();
  if (!(await field('Host').isVisible())) await page.getByRole('button', { expanded: false }).last().click();
  await field('Host').fill('localhost');
  await field('Port').fill(String(dovecot.ports.imaps));
  await page.locator('input[type=password]').fill('wrong');
  await page.locator('form button[type=submit]').click();
  await see(/refused this password/);
  await look('06-wrong-password');
  await page.locator('input[type=password]').fill('secret');
  await page.locator('form button[type=submit]').click();
  await page.getByRole('checkbox', { name: 'INBOX', exact: false }).first().waitFor();
  expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(2);
  await look('07-folders');
  await button(/^(Save|Start|Connect)/).click();
  await see(/Active|Up to date|Connected/);
  await look('08-connected');

  await page.goto(`${app.url}/automations`);
  await button('New automation').first().click();
  await page.getByRole('dialog').getByLabel('Name').fill('Answer within a day');
  await page.getByRole('dialog').locator('button[type=submit]').click();
  await see('Sends you an email');
  await field('What is to be done').fill('Answer this mail');
  await addStep('Change the lead score');
  await field('Change by').fill('5');
  await look('09-automation');
  await button('Publish').click();
  await see('Published');
  await look('10-published');

  // The sender's own server, which wants to know of every reading.
  const pixels: string[] = [];
  const sender = createServer((request, answer) => {
    pixels.push(request.url ?? '');
    answer.setHeader('content-type', 'image/png').end(pixel);
  });
  onTestFinished(() => void sender.close().closeAllConnections());
  await once(sender.listen(0, '127.0.0.1'), 'listening');
  const spy = `http://127.0.0.1:${(sender.address() as AddressInfo).port}/pixel.png`;

  await page.goto(contactUrl);
  await see('Contact Log');
  const text = mail({
    from: 'Anna Sommer <anna@customer.test>',
    to: mailbox,
    subject: 'Offer for the façade',
    text: 'Dear Olivia,\r\n\r\nplease send us the offer until Friday.\r\n\r\nKind regards\r\nAnna\r\n',
    html: `<p>Dear <b>Olivia</b>,</p><p>please send us the offer until Friday.</p><img src="cid:logo"><img src="${spy}"><script>document.title="owned"</script><p onclick="alert(1)">Kind regards<br>Anna</p>`,
    attachments: [
      { filename: 'plan.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF-1.4 not really') },
      {
        filename: 'logo.png',
        contentType: 'image/png',
        contentId: 'logo',
        content: pixel,
      },
    ],
  });
  const delivered = Date.now();
  await dovecot.deliver(text, mailbox);
  await see('Offer for the façade');
  console.log(`in the open log ${Date.now() - delivered} ms after the delivery began (Dovecot announces after 500 ms)`);
  await see('Answer this mail');
  await look('11-mail-arrived');

  await page.getByText('Offer for the façade').first().click();
  await page.getByRole('dialog').waitFor();
  const frame = page.frameLocator('iframe');
  await expect.poll(() => frame.locator('img').first().getAttribute('src')).toMatch(/^data:image\/png/);
  // After the inline image came: the mail is still to be seen.
  await frame.getByText('please send us the offer').waitFor();
  expect(await frame.locator('script').count()).toBe(0);
  expect(await frame.locator('[onclick]').count()).toBe(0);
  expect(await page.locator('iframe').getAttribute('sandbox')).not.toMatch(/allow-scripts|allow-same-origin/);
  expect(pixels).toEqual([]);
  await look('12-message');
  await button(/remote images/i).click();
  await expect.poll(() => pixels).toContain('/pixel.png');
  await page.getByRole('link', { name: /plan\.pdf/ }).waitFor();
  await page.getByText('Why is this here?').click();
  await see(/belongs to a contact/);
  await look('13-why');
  await page.keyboard.press('Escape');

  await page.goto(`${app.url}/tasks`);
  await see('Answer this mail');
  await look('14-tasks');
  await page.getByLabel('Done: Answer this mail').click();
  await see(/Nothing to do/);
  await page.goto(contactUrl);
  await expect
    .poll(() =>
      field('Lead score')
        .inputValue({ timeout: 1000 })
        .catch(() => page.getByText(/^5$/).first().innerText({ timeout: 1000 })),
    )
    .toBe('5');

  const screens = {
    contacts: '/contacts',
    contact: new URL(contactUrl).pathname,
    'email-sync': '/administration/email/email-sync',
    automations: '/automations',
    why: '/administration/email/why',
    users: '/administration/users',
    'api-keys': '/administration/api-keys',
    account: '/administration/account',
    profile: '/profile',
  };
  for (const scheme of ['light', 'dark'] as const) {
    for (const size of ['desktop', 'phone'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize(size === 'phone' ? { width: 390, height: 844 } : { width: 1280, height: 800 });
      for (const [name, where] of Object.entries(screens)) {
        await page.goto(app.url + where);
        await page.getByRole('heading').first().waitFor();
        await look(`${size}-${scheme}-${name}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect.soft(wide, `${name} is wider than the ${size}`).toBeLessThanOrEqual(0);
      }
    }
  }
  // Chromium also complains of handlers in the inert document in which the sanitiser parses a mail.
  const expected = /inline event handler|422|403|Failed to load resource/;
  expect(complaints.filter((line) => !expected.test(line))).toEqual([]);

  async function addStep(kind: string): Promise<void> {
    await button(/^Add (a )?step/).click();
    await page.getByRole('menuitem', { name: kind }).click();
  }
});

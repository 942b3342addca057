import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { apiClient, connectMailbox } from '../servers/api-client.ts';
import { dovecotLog } from '../servers/dovecot.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { testDatabase } from '../servers/postgres.ts';
import { mailboxOf, openOffice, passwordOf } from './office.ts';
import { openScreen } from './screen.ts';

const anna = 'anna@customer.test';

/** Olivia's mailbox lies behind a bad line and gets a new password; Max's gets one too, which concerns Olivia as administrator. */
test(
  'a mailbox in trouble leads its owner through reconnecting, and a check says what was recovered',
  { timeout: 480_000 },
  async () => {
    await using database = await testDatabase();
    await using office = await openOffice({ DATABASE_URL: database.url });
    const { app, dovecot, olivia } = office;
    await using line = await startFaultProxy({ port: dovecot.ports.imaps });
    const { id: contactId } = await olivia.post('/contacts', { firstName: 'Anna', addresses: [anna] });
    const own = { address: mailboxOf.olivia, password: 'secret', host: 'localhost', port: line.port };
    const { id } = await connectMailbox(olivia, own, ['INBOX', 'Sent']);
    const { id: maxId } = await office.connect('max', { folders: ['INBOX'], sharing: 'private' });
    const deliver = async (subject: string, from = anna, to: string = mailboxOf.olivia) =>
      dovecot.deliver(mail({ from, to, subject, messageId: `${subject}@x` }), to);
    const log = async () =>
      (await olivia.get(`/contacts/${contactId}/log`)).items
        .filter(({ kind }: { kind: string }) => kind === 'email_sync')
        .map(({ message }: { message: { subject: string } }) => message.subject)
        .sort();
    const stateOf = async (connectionId: string) => (await olivia.get(`/connections/${connectionId}`)).state;
    await deliver('before');
    await expect.poll(log).toEqual(['before']);

    await using screen = await openScreen('resync', app.url);
    const { page, look } = screen;
    page.setDefaultTimeout(90_000);
    await page.goto(`${app.url}/sign-in`);
    await page.getByLabel('Email').fill(mailboxOf.olivia);
    await page.getByRole('textbox', { name: 'Password' }).fill(passwordOf);
    await page.getByRole('button', { name: 'Sign In' }).click();
    await page.getByRole('link', { name: 'Contacts' }).first().waitFor();

    // The password changes while the app is open, and mail comes that can't be read.
    const password = 'Zürich-пароль';
    await dovecot.setPassword(mailboxOf.olivia, password);
    line.cut();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/the server refuses the password/).waitFor();
    for (let i = 1; i <= 6; i += 1) await deliver(`missed${i}`, i % 2 ? anna : 'x@stranger.test');
    await look('sign-in');
    const refusals = async () => (await dovecotLog(dovecot)).match(/auth failed, \d+ attempts[^\n]*olivia/g) ?? [];
    // Edge case 18: once, and never again with the same password.
    await expect.poll(refusals).toHaveLength(1);

    await dialog.getByRole('button', { name: 'Later' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.reload();
    await page.getByText(/olivia@letterlog.test has not been synced since/).waitFor();
    await look('banner');
    expect(await dialog.count()).toBe(0);
    expect(await refusals()).toHaveLength(1);
    await page.getByRole('button', { name: 'Sign in again' }).click();

    const enter = async (word: string) => {
      await dialog.getByRole('textbox', { name: 'Password' }).fill(word);
      await dialog.getByRole('button', { name: 'Sign In' }).click();
    };
    await enter('wrong');
    await dialog.getByText('The server refused this password.', { exact: true }).waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await look('refused-dark');
    line.faults.latencyMs = 250;
    await enter(password);
    await dialog.getByText(/missed messages? read so far|missed has been read/).waitFor();
    await look('progress-dark');
    line.faults.latencyMs = 0;
    await dialog.getByText('3 recovered, 0 missing').waitFor();
    await look('result-dark');
    expect(await log()).toEqual(['before', 'missed1', 'missed3', 'missed5']);
    await dialog.getByRole('button', { name: 'Done' }).click();
    await expect.poll(async () => (await olivia.get('/outages')).items).toEqual([]);

    // The network goes away for longer than a minute; nobody looks when it comes back.
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'light' });
    line.faults.refuse = true;
    line.cut();
    await expect.poll(() => stateOf(id)).toBe('failing');
    await sql`update outage set began_at = began_at - interval '3 hours'`.execute(database.db);
    await deliver('missed7');
    await page.reload();
    await dialog.getByText(/can’t be read/).waitFor();
    await look('unreadable-phone');
    await dialog.getByRole('button', { name: 'Try now' }).click();
    await dialog.getByText(/can still not be read/).waitFor();
    await page.goto('about:blank');
    line.faults.refuse = false;
    await olivia.post(`/connections/${id}/try`).catch(() => {});
    const phase = async () => (await olivia.get(`/connections/${id}/outages`)).items[0].phase;
    await expect.poll(phase).toBe('over');
    await page.goto(`${app.url}/profile/email-sync/${id}`);
    await page.getByText('is up to date again: 1 recovered, 0 missing.').waitFor();
    await page.getByText(/1 recovered, 0 missing$/).waitFor();
    await look('came-back-phone');
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText('is up to date again').waitFor({ state: 'detached' });
    expect(await log()).toEqual(['before', 'missed1', 'missed3', 'missed5', 'missed7']);

    // Max's mailbox concerns Olivia only as administrator: no password form, and nothing else of what she may not see.
    await page.setViewportSize({ width: 1280, height: 860 });
    await dovecot.setPassword(mailboxOf.max, 'other');
    await dovecot.doveadm('kick', mailboxOf.max);
    await page.getByText(/of Max Member has not been synced since/).waitFor();
    expect(await dialog.count()).toBe(0);
    await look('colleague');
    await page.getByRole('link', { name: 'Pause or delete' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Password' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText(/of Max Member has not been synced/).waitFor({ state: 'detached' });
    expect((await office.max.get('/outages')).items).toMatchObject([{ connection: { id: maxId }, notice: 'raised' }]);
    await expect(apiClient(app.url, { key: 'none' }).get('/outages')).rejects.toThrow(/401/);
  },
);

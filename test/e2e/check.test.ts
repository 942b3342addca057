import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { connectMailbox, setUp } from '../servers/api-client.ts';
import { startApp } from '../servers/app.ts';
import { startDovecot } from '../servers/dovecot.ts';
import { testDatabase } from '../servers/postgres.ts';
import { openScreen } from './screen.ts';

const mailbox = 'olivia@letterlog.test';
const anna = 'anna@customer.test';

/** The ledger against what doveadm says, with damage done by SQL while the app runs. */
test('a mailbox on Dovecot is checked by button, and its damaged ledger repaired', { timeout: 240_000 }, async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  await dovecot.doveadm('mailbox', 'create', '-u', mailbox, 'Sent', 'Projects');
  await using database = await testDatabase();
  await using app = await startApp({
    env: { LETTERLOG_TLS_CA: dovecot.caFile, DATABASE_URL: database.url },
  });
  const { api, cookie } = await setUp(app.url, app.setupToken!);
  await api.post('/contacts', { firstName: 'Anna', addresses: [anna] });
  const { id } = await connectMailbox(
    api,
    { address: mailbox, password: 'secret', host: 'localhost', port: dovecot.ports.imaps, sharing: 'everything' },
    ['INBOX', 'Sent', 'Projects'],
  );
  for (let i = 1; i <= 6; i += 1)
    await dovecot.deliver(mail({ from: i % 2 ? anna : 'x@stranger.test', to: mailbox, subject: `m${i}` }), mailbox);
  const uids = async () =>
    (await dovecot.doveadm('fetch', '-u', mailbox, 'uid', 'mailbox', 'INBOX')).match(/\d+/g)!.length;
  const counts = async () => (await api.get(`/connections/${id}`)).counts;
  await expect.poll(counts).toEqual({ logged: 3, skipped: 3, quarantined: 0 });
  expect(await uids()).toBe(6);
  await sql`delete from log_item where message_id = (select id from message where subject = 'm1')`.execute(database.db);
  await sql`delete from sighting where ref in ('2', '3')`.execute(database.db);
  expect(await counts()).toEqual({ logged: 2, skipped: 2, quarantined: 0 });

  await using screen = await openScreen('check', app.url, cookie);
  const { page, look } = screen;
  await page.goto(`${app.url}/profile/email-sync/${id}`);
  await page.getByRole('button', { name: 'Check mailbox' }).click();
  await page.getByText(/6 messages compared, 4 of them noted here. 3 differences, 3 repaired/).waitFor();
  await page.getByRole('button', { name: 'Show what was found' }).click();
  await page.getByText(/INBOX, message 2: A message of the mailbox had no row/).waitFor();
  await look('found');
  expect(await counts()).toEqual({ logged: 3, skipped: 3, quarantined: 0 });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await look('phone-dark');
  await page.goto(`${app.url}/profile/email-sync`);
  await page.getByText('Differed').waitFor();
  await look('list');

  // What the server does to folders is said with them: one is numbered backwards, one deleted.
  await api.patch(`/connections/${id}`, { paused: true });
  await dovecot.doveadm('mailbox', 'update', '--uid-validity', '1', '-u', mailbox, 'INBOX');
  await dovecot.doveadm('mailbox', 'delete', '-u', mailbox, 'Projects');
  await api.patch(`/connections/${id}`, { paused: false });
  const flags = async () =>
    (await api.get(`/connections/${id}`)).folders
      .filter((folder: any) => folder.chosen)
      .map(({ ref, unsteady, gone }: any) => [ref, unsteady, gone]);
  await expect.poll(flags).toEqual([
    ['INBOX', true, false],
    ['Projects', false, true],
    ['Sent', false, false],
  ]);
  expect(await counts()).toEqual({ logged: 3, skipped: 3, quarantined: 0 });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${app.url}/profile/email-sync/${id}`);
  await page.getByText('renumbered by the server').waitFor();
  await page.getByText('no longer in the mailbox').waitFor();
  await page.getByText(/The server renumbers “INBOX” again and again/).waitFor();
  await look('folders-phone');
  await page.setViewportSize({ width: 1280, height: 900 });
  await look('folders');

  // A pause in the middle of a check ends it, and that is said.
  await sql`insert into mailbox_check (account_id, connection_id) select account_id, id from connection`.execute(
    database.db,
  );
  await api.patch(`/connections/${id}`, { paused: true });
  await page.getByText('It ended before every folder was compared: Its owner paused it.').waitFor();
  await look('broken-off');
  await page.setViewportSize({ width: 390, height: 844 });
  await look('broken-off-phone');
});

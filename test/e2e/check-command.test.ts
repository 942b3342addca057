import { sql } from 'kysely';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { mail } from '../fixtures/mail.ts';
import { connectMailbox, setUp } from '../servers/api-client.ts';
import { startApp } from '../servers/app.ts';
import { startDovecot } from '../servers/dovecot.ts';
import { testDatabase } from '../servers/postgres.ts';

const mailbox = 'olivia@letterlog.test';
const anna = 'anna@customer.test';
const script = path.join(import.meta.dirname, '../../scripts/letterlog.mjs');

test('letterlog check says beside a running server whether anything is missing', { timeout: 240_000 }, async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(mailbox);
  await dovecot.doveadm('mailbox', 'create', '-u', mailbox, 'Sent');
  await using database = await testDatabase();
  await using app = await startApp({ env: { DATABASE_URL: database.url } });
  const { api } = await setUp(app.url, app.setupToken!);
  await api.post('/contacts', { firstName: 'Anna', addresses: [anna] });
  const at = { host: '127.0.0.1', port: dovecot.ports.imap, security: 'plain' };
  const { id } = await connectMailbox(api, { address: mailbox, password: 'secret', ...at }, ['INBOX', 'Sent']);
  for (let i = 1; i <= 3; i += 1)
    await dovecot.deliver(mail({ from: i % 2 ? anna : 'x@stranger.test', to: mailbox, subject: `m${i}` }), mailbox);
  const counts = async () => (await api.get(`/connections/${id}`)).counts;
  await expect.poll(counts).toEqual({ logged: 2, skipped: 1, quarantined: 0 });

  const check = async (...args: string[]) => {
    const child = spawn(process.execPath, [script, 'check', ...args], {
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        DATABASE_URL: database.url,
        LETTERLOG_DATA_DIR: app.dataDir,
      },
    });
    const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { out, errors, code: code as number };
  };
  expect(await check('--mailbox', 'Olivia@letterlog.test')).toEqual({
    code: 0,
    errors: '',
    out: `${mailbox}: nothing is missing\n  3 messages listed, 3 of them in the ledger\n  0 differences, 0 repaired, 0 logged by it, 0 left\n`,
  });
  await sql`delete from sighting where ref = '2'`.execute(database.db);
  const repaired = await check('--mailbox', mailbox);
  expect(repaired).toMatchObject({ code: 0, out: expect.stringContaining('1 differences, 1 repaired') });
  expect(repaired.out).toContain(
    'INBOX, message 2: A message of the mailbox had no row in the ledger. (no row > no_contact)',
  );
  // A folder that the server can't read any more: nobody can say that nothing is missing.
  await chmod(path.join(dovecot.maildir(mailbox), '.Sent'), 0);
  const incomplete = await check('--mailbox', mailbox, '--json');
  expect(incomplete.code).toBe(1);
  const { complete, checks } = JSON.parse(incomplete.out);
  expect(complete).toBe(false);
  expect(checks).toMatchObject([{ mailbox, complete: false, listed: 3, missing: 0, troubles: [{ folder: 'Sent' }] }]);
  await chmod(path.join(dovecot.maildir(mailbox), '.Sent'), 0o700);

  // What can't be checked now says why and ends, whatever the reason.
  const refusal = async (...args: string[]) => {
    const { code, out, errors } = await check('--mailbox', mailbox, ...args);
    expect([code, out]).toEqual([1, '']);
    return errors;
  };
  await dovecot.stop();
  const unreachable = await check('--mailbox', mailbox);
  expect(unreachable).toMatchObject({ code: 1, out: expect.stringContaining('NOT COMPLETE') });
  expect(unreachable.out).toMatch(/It ended before every folder was compared: .*127\.0\.0\.1/);
  await dovecot.start();
  await api.patch(`/connections/${id}`, { paused: true });
  expect(await refusal()).toBe(
    `The mailbox ${mailbox} isn't being synced. Its owner paused it.\nLet it go on from the Email Sync page, then check.\n`,
  );
  await dovecot.setPassword(mailbox, 'another');
  await api.patch(`/connections/${id}`, { paused: false });
  await expect.poll(async () => (await api.get(`/connections/${id}`)).state).toBe('needs_sign_in');
  expect(await refusal()).toContain('Its owner must sign in again');
  await dovecot.setPassword(mailbox, 'secret');
  await api.post(`/connections/${id}/sign-in`, { password: 'secret' });
  // Frozen, it counts as running for some seconds: the command gives up by itself.
  process.kill(app.pid, 'SIGSTOP');
  expect(await refusal('--seconds', '2')).toContain('--seconds waits for longer');
  process.kill(app.pid, 'SIGCONT');
  await app.kill('SIGTERM');
  expect(await refusal()).toContain('No Letterlog server is running');
});

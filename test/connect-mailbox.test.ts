import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../src/accounts/viewer.ts';
import { connect } from '../src/connections/connect.ts';
import type { MailboxDeps } from '../src/connections/deps.ts';
import { chooseFolders } from '../src/connections/folders.ts';
import { reauthenticate } from '../src/connections/reauthenticate.ts';
import type { Db } from '../src/db/open.ts';
import { createAddressGuard } from '../src/net/guard.ts';
import { imapProvider } from '../src/providers/imap/provider.ts';
import { makeTeam, sealer } from './fixtures/records.ts';
import { dovecotLog, startDovecot } from './servers/dovecot.ts';
import type { Dovecot } from './servers/dovecot.ts';
import { testDatabase } from './servers/postgres.ts';
import type { TestDatabase } from './servers/postgres.ts';

const user = 'jane@test.example';
const password = 'correct horse battery';
const otherUser = 'zoe@test.example';
const foreignPassword = 'Zürich-пароль-日本';
let dovecot: Dovecot;
let database: TestDatabase;
let db: Db;
let owner: Viewer;

const deps = (allowed: string[], options: { trusting: boolean } = { trusting: true }): MailboxDeps => {
  const guard = createAddressGuard(allowed);
  return { providers: { imap: imapProvider({ guard, ...(options.trusting && { ca: dovecot.ca }) }) }, sealer, guard };
};
const input = (change: { password?: string; port?: number; security?: string; host?: string } = {}) => {
  const { password: secret = password, ...settings } = change;
  return {
    address: user,
    provider: 'imap',
    settings: { host: 'localhost', port: dovecot.ports.imaps, security: 'tls', user, ...settings },
    credentials: { password: secret },
    sharing: 'everything' as const,
  };
};

beforeAll(async () => {
  [dovecot, database] = await Promise.all([startDovecot(), testDatabase()]);
  db = database.db;
  owner = (await makeTeam(db)).viewers[0]!;
  await dovecot.addUser(user, password);
  await dovecot.addUser(otherUser, foreignPassword);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await dovecot[Symbol.asyncDispose]();
});

test('what goes wrong on connecting a real server is told apart, without the password', async () => {
  const allowed = deps(['localhost', '127.0.0.1']);
  const failures = [
    [allowed, input({ password: 'a wrong password' }), 'mailbox_refused'],
    [allowed, input({ port: 1 }), 'mailbox_unreachable'],
    [deps(['localhost', '127.0.0.1'], { trusting: false }), input(), 'mailbox_insecure'],
    [deps([]), input(), 'host_not_allowed'],
    [deps([]), input({ security: 'plain', port: dovecot.ports.imap }), 'host_not_allowed'],
  ] as const;
  for (const [given, asked, code] of failures) {
    const error = await connect(db, given, owner, asked).then(
      () => expect.unreachable(),
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code });
    expect(error.message + JSON.stringify(error) + error.stack).not.toContain(asked.credentials.password);
  }
});

test('a mailbox on a real server is connected, its folders chosen, and signed in to again', async () => {
  const given = deps(['localhost', '127.0.0.1']);
  await dovecot.doveadm('mailbox', 'create', '-u', user, 'Clients');
  const { connection } = await connect(db, given, owner, input());
  expect(connection.state).toBe('connecting');
  expect(connection.folders.map((folder) => folder.ref)).toEqual(expect.arrayContaining(['INBOX', 'Clients']));
  expect(connection.folders.find((folder) => folder.ref === 'INBOX')).toMatchObject({ proposed: true, role: 'inbox' });
  const id = (ref: string) => connection.folders.find((folder) => folder.ref === ref)!.id;
  expect((await chooseFolders(db, given, owner, connection.id, [id('INBOX')])).state).toBe('active');
  const later = await chooseFolders(db, given, owner, connection.id, [id('INBOX'), id('Clients')]);
  expect(later.folders.filter((folder) => folder.chosen)).toHaveLength(2);
  expect((await reauthenticate(db, given, owner, connection.id, { credentials: { password } })).state).toBe('active');
});

test('edge case 18: a password that is not ASCII works, and a refused one is tried once and hints at app passwords', async () => {
  const given = deps(['localhost', '127.0.0.1']);
  const asked = input({ password: foreignPassword });
  const { connection } = await connect(db, given, owner, {
    ...asked,
    address: otherUser,
    settings: { ...asked.settings, user: otherUser },
  });
  expect(connection.folders.map((folder) => folder.ref)).toContain('INBOX');
  const refused = reauthenticate(db, given, owner, connection.id, { credentials: { password: 'ein Irrtum' } });
  await expect(refused).rejects.toMatchObject({ code: 'mailbox_refused', hint: expect.stringMatching(/app password/) });
  const attempts = async () => (await dovecotLog(dovecot)).match(/auth failed, 1 attempts[^\n]*zoe@/g);
  await expect.poll(attempts).toHaveLength(1);
  expect(await dovecotLog(dovecot)).not.toMatch(/auth failed, [^1] attempts[^\n]*zoe@/);
});

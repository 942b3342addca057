import { beforeEach, expect, test } from 'vitest';
import { makeTeam, sealer } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { createAddressGuard } from '../net/guard.ts';
import { memoryProvider } from '../providers/memory/provider.ts';
import { ProviderError } from '../providers/provider.ts';
import { MemoryServer } from '../providers/memory/server.ts';
import type { MemoryMailbox } from '../providers/memory/server.ts';
import { connect } from './connect.ts';
import type { MailboxDeps } from './deps.ts';
import { reauthenticate } from './reauthenticate.ts';

const password = 'correct horse battery';
const database = sharedDatabase();
let viewers: Viewer[];
let server: MemoryServer;
let mailbox: MemoryMailbox;
let deps: MailboxDeps;

beforeEach(async () => {
  await database.db.deleteFrom('rate_limit').execute();
  viewers = (await makeTeam(database.db, ['member', 'member', 'member'])).viewers;
  server = new MemoryServer();
  mailbox = server.mailbox('jane@acme.example', password);
  deps = { providers: { memory: memoryProvider(server) }, sealer, guard: createAddressGuard([]) };
});

const signIn = (viewer: Viewer, user: string, secret: string, address = user, host = 'imap.acme.example') =>
  connect(database.db, deps, viewer, {
    address,
    provider: 'memory',
    settings: { host, port: 993, security: 'tls', user },
    credentials: { password: secret },
    sharing: 'everything',
  }).then(
    ({ connection }) => connection.id,
    (error: { code: string }) => error.code,
  );
const times = async (count: number, attempt: (n: number) => Promise<string>) => {
  const answers: string[] = [];
  for (let n = 0; n < count; n++) answers.push(await attempt(n));
  return answers;
};

test('the passwords of a mailbox can’t be guessed, by one user or several', async () => {
  // The address that is told makes no difference, nor how the name is written.
  const first = await times(12, (n) => signIn(viewers[0]!, 'jane@acme.example', `guess ${n}`, `x${n}@acme.example`));
  const second = await times(12, (n) => signIn(viewers[1]!, ' Jane@ACME.example', `guess ${n}`));
  expect([...new Set([...first, ...second.slice(0, 8)])]).toEqual(['mailbox_refused']);
  expect(second.slice(8)).toEqual(Array(4).fill('rate_limited'));
  const asked = mailbox.calls['open'];
  expect(await signIn(viewers[2]!, 'jane@acme.example', password)).toBe('rate_limited');
  expect(mailbox.calls['open']).toBe(asked);
});

test('a user can’t go through many mailboxes, and others are not held up', async () => {
  const answers = await times(32, (n) => signIn(viewers[0]!, `user${n}@acme.example`, 'Summer2026'));
  expect(answers.slice(0, 30)).not.toContain('rate_limited');
  expect(answers.slice(30)).toEqual(['rate_limited', 'rate_limited']);
  expect(await signIn(viewers[1]!, 'jane@acme.example', password)).toMatch(/-/);
});

test('a mailbox is not locked by sign-ins that its server never refused', async () => {
  // At another host, where an own server may refuse whatever it likes.
  const elsewhere = await times(20, (n) =>
    signIn(viewers[0]!, 'jane@acme.example', `guess ${n}`, undefined, 'imap.elsewhere.example'),
  );
  expect(new Set(elsewhere)).toEqual(new Set(['mailbox_refused']));
  mailbox.fail('open', new ProviderError('transient', 'Nothing listens there.', { reason: 'unreachable' }), {
    times: 25,
  });
  const unreachable = await times(25, () => signIn(viewers[1]!, 'jane@acme.example', password));
  expect(new Set(unreachable)).toEqual(new Set(['mailbox_unreachable']));
  expect(await signIn(viewers[2]!, 'jane@acme.example', password)).toMatch(/-/);
});

test('one server under several spellings is one', async () => {
  const answers = await times(21, (n) =>
    signIn(viewers[n % 2]!, 'jane@acme.example', `guess ${n}`, undefined, n % 3 ? 'IMAP.acme.example.' : undefined),
  );
  expect(answers.slice(0, 20)).not.toContain('rate_limited');
  expect(answers[20]).toBe('rate_limited');
});

test('what succeeds is not counted', async () => {
  for (let n = 0; n < 35; n++) server.mailbox(`box${n}@acme.example`, password);
  expect(await times(35, (n) => signIn(viewers[0]!, `box${n}@acme.example`, password))).not.toContain('rate_limited');
});

test('signing in again is counted with it, and tells how long to wait', async () => {
  const id = await signIn(viewers[0]!, 'jane@acme.example', password);
  const again = (secret: string) =>
    reauthenticate(database.db, deps, viewers[0]!, id, { credentials: { password: secret } }).then(
      () => null,
      (error: unknown) => error,
    );
  for (let n = 0; n < 20; n++) expect(await again('guess')).toMatchObject({ code: 'mailbox_refused' });
  const refused = (await again(password)) as { retryAfter: number };
  expect(refused).toMatchObject({
    code: 'rate_limited',
    message: expect.stringMatching(/Try again in 1\d minutes\.$/),
  });
  expect(refused.retryAfter).toBeGreaterThan(800);
});

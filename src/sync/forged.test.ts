import { afterEach, beforeEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { setSenderCheck } from '../connections/sender-check.ts';
import { listLog } from '../log/query.ts';
import { readLogItem } from '../log/read.ts';
import { ProviderError } from '../providers/provider.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const server = 'mx.acme.example';
const sentAt = new Date();
const results = (result: 'pass' | 'fail') =>
  `Authentication-Results: ${server}; dmarc=${result} header.from=customer.example`;

const database = sharedDatabase();
let rig: SyncRig;
let contactId: string;
let id: string;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  contactId = await rig.addContact(anna);
  id = await rig.connect(me);
  await setSenderCheck(rig.db, rig.viewers[0]!, id, { by: 'given', authservId: server });
  await rig.pass(id);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const forged = (...headers: string[]) =>
  mail({
    from: anna,
    to: [me, 'mallory@evil.example'],
    messageId: 'order@customer.example',
    date: sentAt,
    subject: 'Pay to another account',
    text: 'Please pay to account 666.',
    attachments: [{ filename: 'account.txt', contentType: 'text/x-account', content: Buffer.from('666') }],
    headers: [results('fail'), ...headers],
  });
const genuine = () =>
  mail({
    from: anna,
    to: me,
    messageId: 'order@customer.example',
    date: sentAt,
    subject: 'Our order',
    text: 'Please send ten.',
    html: '<p>Please send <b>ten</b>.</p>',
    headers: [results('pass')],
  });
const shown = async () => {
  const { items } = await listLog(rig.db, rig.viewers[0]!, contactId, { limit: 9 });
  return await Promise.all(
    items.map(async (item) => (await readLogItem(rig.db, rig.deps, rig.viewers[0]!, item.id)).message!),
  );
};
const theGenuine = {
  subject: 'Our order',
  text: 'Please send ten.',
  html: expect.stringContaining('<b>ten</b>'),
  kind: 'personal',
  to: [{ address: me }],
  attachments: [],
};

test('a forged copy that came first gives way to the mail that it stood for, with all that it said', async () => {
  box().append('INBOX', forged());
  await rig.pass(id);
  expect(await shown()).toMatchObject([{ subject: 'Pay to another account', attachments: [{}] }]);
  expect(await rig.fired()).toEqual([]);
  box().append('INBOX', genuine());
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
  // Of the forged copy nothing is kept any more.
  expect([...rig.blobs.kept.values()].map(String)).toEqual([expect.stringContaining('Subject: Our order')]);
});

test('a forged automatic reply does not keep the genuine mail from starting automations', async () => {
  box().append('INBOX', forged('Auto-Submitted: auto-replied'));
  await rig.pass(id);
  box().append('INBOX', genuine());
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

test('where both come in one page, the confirmed one is shown, whichever is first', async () => {
  for (const copy of [forged('Auto-Submitted: auto-replied'), genuine(), forged()]) box().append('INBOX', copy);
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

test('a forged copy that comes later changes nothing', async () => {
  box().append('INBOX', genuine());
  await rig.pass(id);
  box().append('INBOX', forged('Auto-Submitted: auto-replied'));
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

test('a genuine copy whose body can not be read waits in quarantine, and takes its place when it can', async () => {
  box().append('INBOX', forged());
  await rig.pass(id);
  const place = box().append('INBOX', genuine());
  box().fail('message', new ProviderError('protocol', 'The body never came.'), { place, times: 1 });
  await rig.pass(id);
  expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: quarantined fetch_failed']);
  await rig.hurry();
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

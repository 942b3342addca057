import { afterEach, beforeEach, expect, test } from 'vitest';
import { viewConnection } from '../../src/connections/view.ts';
import { createAddressGuard } from '../../src/net/guard.ts';
import { imapProvider } from '../../src/providers/imap/provider.ts';
import { mail } from '../fixtures/mail.ts';
import { syncRig } from '../fixtures/sync-rig.ts';
import type { SyncRig } from '../fixtures/sync-rig.ts';
import { checkInvariants } from '../invariants.ts';
import { sharedDatabase } from '../fixtures/shared-database.ts';
import { type GmailImap, startGmailImap } from './gmail-imap.ts';

const anna = 'anna@customer.example';
const me = 'me@gmail.example';
const [all, sent] = ['[Gmail]/All Mail', '[Gmail]/Sent Mail'];

const database = sharedDatabase();
let rig: SyncRig;
let gmail: GmailImap;

beforeEach(async () => {
  rig = await syncRig(database);
  gmail = await startGmailImap();
  const imap = imapProvider({ guard: createAddressGuard(['127.0.0.1']) });
  const settings = { host: '127.0.0.1', port: gmail.port, security: 'plain', user: me };
  rig.deps.providers['memory'] = { name: 'imap', open: (_settings, credentials) => imap.open(settings, credentials) };
  await rig.addContact(anna);
});
afterEach(async () => {
  gmail[Symbol.dispose]();
  await checkInvariants(database.db);
});

const received = (subject: string) => mail({ from: anna, to: me, subject });
const chosen = async (id: string) =>
  (await viewConnection(rig.db, rig.accountId, id)).folders.filter((one) => one.chosen).map(({ ref }) => ref);

test("edge case 21: Gmail's labels are folders; Inbox and Sent are proposed, and [Gmail] itself can't be chosen", async () => {
  gmail.append(received('old'), '\\Inbox', 'Kunden');
  const id = await rig.connect(me, ['INBOX', sent]);
  const { folders } = await viewConnection(rig.db, rig.accountId, id);
  expect(folders.filter((one) => one.proposed).map(({ ref }) => ref)).toEqual(['INBOX', sent]);
  expect(folders.find(({ ref }) => ref === '[Gmail]')).toMatchObject({ selectable: false });
  expect(folders.find(({ ref }) => ref === all)).toMatchObject({ role: 'all', selectable: true });
  expect(folders.find(({ ref }) => ref === 'Kunden')).toMatchObject({ role: null, selectable: true });
});

test('edge case 21: a message in Inbox, a label and All Mail is logged, fetched and fired once; drafts are not logged', async () => {
  gmail.append(received('old'), 'Kunden');
  const id = await rig.connect(me, ['INBOX', sent, all, 'Kunden']);
  const one = gmail.append(received('one'), '\\Inbox', 'Kunden', '\\Important');
  gmail.append(mail({ from: anna, to: me, subject: 'no id', messageId: null }), '\\Inbox');
  gmail.append(mail({ from: me, to: anna, subject: 'answer' }), '\\Sent');
  gmail.append(mail({ from: me, to: anna, subject: 'draft' }), '\\Draft');
  await rig.pass(id);
  const log = [
    `${anna} | answer | live | sent`,
    `${anna} | no id | live | received`,
    `${anna} | one | live | received`,
  ];
  expect(await rig.log()).toEqual(log);
  expect(await rig.fired()).toEqual([`${anna} | no id`, `${anna} | one`]);
  expect(await rig.ledger()).toEqual(
    [
      ...['INBOX', 'INBOX', 'Kunden', all, all, all, sent].map((folder) => `${folder}: logged contact`),
      `${all}: skipped draft`,
    ].sort(),
  );
  expect([...gmail.texts.values()]).toEqual([1, 1, 1]);

  // Archived, then labelled later: the same message.
  gmail.unlabel(one, '\\Inbox');
  await rig.pass(id);
  gmail.label(one, '\\Inbox');
  await rig.pass(id);
  expect(await rig.log()).toEqual(log);
  expect(await rig.fired()).toHaveLength(2);
});

test('edge case 21: a label that is renamed stays chosen; one that takes over its mail beside other mail is not taken for it', async () => {
  gmail.append(received('old'), 'Kunden');
  const id = await rig.connect(me, ['INBOX', 'Kunden']);
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
  const one = gmail.append(received('one'), 'Kunden');
  one.receivedAt = ago(30);
  await rig.pass(id);
  gmail.renameLabel('Kunden', 'Clients');
  const two = gmail.append(received('two'), 'Clients');
  two.receivedAt = ago(10);
  await rig.pass(id);
  expect(await chosen(id)).toEqual(['Clients', 'INBOX']);
  gmail.label(one, 'Everything');
  gmail.label(two, 'Everything');
  gmail.append(received('private'), 'Everything').receivedAt = ago(20);
  gmail.deleteLabel('Clients');
  await rig.pass(id);
  expect(await chosen(id)).toEqual(['Clients', 'INBOX']);
  expect((await rig.log()).map((line) => line.split(' | ')[1])).toEqual(['one', 'two']);
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me).createFolder('Projects');
  await rig.addContact(anna);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const deliver = (subject: string, folder: string) => box().append(folder, mail({ from: anna, to: me, subject }));
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const chosen = async (id: string) => {
  const rows = await rig.db
    .selectFrom('folder')
    .select(['ref', 'name', 'gone_at'])
    .where('connection_id', '=', id)
    .where('chosen', '=', true)
    .orderBy('ref')
    .execute();
  return rows.map(({ ref, name, gone_at: goneAt }) => `${ref} ${name}${goneAt ? ' gone' : ''}`);
};

describe.each([
  ['has ids of folders', true],
  ['has none', false],
])('a chosen folder on a server that %s', (_name, knows) => {
  beforeEach(() => {
    box().knowsFolders = knows;
  });

  test('edge case 21: that is renamed stays chosen; nothing is logged or fired twice, and what comes then fires', async () => {
    const id = await rig.connect(me, ['INBOX', 'Projects']);
    for (const subject of ['a', 'b', 'c', 'd']) deliver(subject, 'Projects');
    await rig.pass(id);
    box().renameFolder('Projects', 'Kunden/Projekte');
    deliver('after', 'Kunden/Projekte');
    await rig.pass(id);
    expect(await chosen(id)).toEqual(['INBOX INBOX', 'Kunden/Projekte Kunden/Projekte']);
    expect(await subjects()).toEqual(['a', 'after', 'b', 'c', 'd']);
    expect(await rig.fired()).toHaveLength(5);
    const rows = await rig.db.selectFrom('sighting').select('superseded_at').where('connection_id', '=', id).execute();
    expect(rows).toHaveLength(5);
    expect(rows.every((row) => row.superseded_at === null)).toBe(true);
  });

  test('that is renamed while it is empty stays chosen', async () => {
    const id = await rig.connect(me, ['INBOX', 'Projects']);
    await rig.pass(id);
    box().renameFolder('Projects', 'Projekte');
    deliver('one', 'Projekte');
    await rig.pass(id);
    expect(await subjects()).toEqual(['one']);
  });

  test('that gets the name of one deleted before leaves its ledger alone', async () => {
    box().createFolder('Old');
    const id = await rig.connect(me, ['INBOX', 'Projects', 'Old']);
    deliver('in old', 'Old');
    deliver('in projects', 'Projects');
    await rig.pass(id);
    box().deleteFolder('Old');
    await rig.pass(id);
    box().renameFolder('Projects', 'Old');
    deliver('new', 'Old');
    await rig.pass(id);
    expect(await chosen(id)).toEqual(['INBOX INBOX', 'Old Old', 'Projects Old gone']);
    expect(await subjects()).toEqual(['in old', 'in projects', 'new']);
    expect(await rig.fired()).toHaveLength(3);
  });

  test('that is deleted hands its choice to no other that is made at the same time', async () => {
    const id = await rig.connect(me, ['INBOX', 'Projects']);
    deliver('one', 'Projects');
    await rig.pass(id);
    box().deleteFolder('Projects');
    box().createFolder('Private');
    deliver('private', 'Private');
    await rig.pass(id);
    expect(await chosen(id)).toEqual(['INBOX INBOX', 'Projects Projects gone']);
    expect(await subjects()).toEqual(['one']);
  });
});

test('edge case 21: a folder with the same numbering but other messages is not taken for the one that is gone', async () => {
  box().knowsFolders = false;
  const id = await rig.connect(me, ['INBOX', 'Projects']);
  deliver('one', 'Projects');
  await rig.pass(id);
  const { epoch } = box().folders.get('Projects')!;
  box().deleteFolder('Projects');
  // Servers that give every folder the same UIDVALIDITY.
  box().createFolder('Private').epoch = epoch;
  deliver('private', 'Private');
  await rig.pass(id);
  expect(await subjects()).toEqual(['one']);
  expect(await chosen(id)).toEqual(['INBOX INBOX', 'Projects Projects gone']);
});

describe('on a server that numbers renamed folders anew', () => {
  beforeEach(() => {
    box().knowsFolders = false;
    box().renumbersOnRename = true;
  });

  test('edge case 21: one whose newest messages are all there is the same; nothing fires twice, and what comes then fires', async () => {
    const id = await rig.connect(me, ['INBOX', 'Projects']);
    for (const subject of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) deliver(subject, 'Projects');
    await rig.pass(id);
    box().renameFolder('Projects', 'Projekte');
    deliver('after', 'Projekte');
    await rig.pass(id);
    expect(await chosen(id)).toEqual(['INBOX INBOX', 'Projekte Projekte']);
    expect(await subjects()).toEqual(['a', 'after', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(await rig.fired()).toHaveLength(8);
    expect(await rig.ledger()).toEqual(Array.from({ length: 8 }, () => 'Projekte: logged contact'));
  });

  test('edge case 21: one that has only some of them is another', async () => {
    const id = await rig.connect(me, ['INBOX', 'Projects']);
    const places = ['a', 'b', 'c'].map((subject) => deliver(subject, 'Projects'));
    await rig.pass(id);
    box().createFolder('Private');
    box().move(places[2]!, 'Private');
    box().deleteFolder('Projects');
    deliver('private', 'Private');
    await rig.pass(id);
    expect(await chosen(id)).toEqual(['INBOX INBOX', 'Projects Projects gone']);
    expect(await subjects()).toEqual(['a', 'b', 'c']);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { viewConnection } from '../connections/view.ts';
import type { Provider } from '../providers/provider.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const days = 86_400_000;

const database = sharedDatabase();
let rig: SyncRig;
let id: string;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 3 });
  rig.server.mailbox(me);
  await rig.addContact(anna);
  id = await rig.connect(me);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const deliver = (subject: string, options: { from?: string; receivedAt?: Date } = {}) =>
  box().append('INBOX', mail({ from: options.from ?? anna, to: me, subject }), options);
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const rows = () => rig.db.selectFrom('sighting').selectAll().where('connection_id', '=', id).orderBy('id').execute();
const inboxRow = () =>
  rig.db
    .selectFrom('folder')
    .selectAll()
    .where('connection_id', '=', id)
    .where('ref', '=', 'INBOX')
    .executeTakeFirstOrThrow();
const view = () => viewConnection(rig.db, rig.accountId, id);
const inbox = async () => (await view()).folders.find(({ ref }) => ref === 'INBOX')!;

test('edge case 1: a folder that is renumbered is listed anew; only what is truly new is logged, and nothing fires twice', async () => {
  for (const subject of ['a', 'b', 'c', 'd']) deliver(subject);
  deliver('stranger', { from: 'who@elsewhere.example' });
  await rig.pass(id);
  deliver('in the gap');
  box().renewEpoch('INBOX');
  await rig.pass(id);
  deliver('after');
  await rig.pass(id);
  expect(await subjects()).toEqual(['a', 'after', 'b', 'c', 'd', 'in the gap']);
  expect(await rig.fired()).toHaveLength(6);
  expect(await rig.ledger()).toHaveLength(7);
  const { state, health } = await view();
  expect([state, health]).toEqual(['active', []]);
  expect((await inbox()).unsteady).toBe(false);
});

test('a folder that is renumbered after it was ticked keeps what lay in it from firing', async () => {
  box().createFolder('Archive');
  await rig.pass(id);
  box().append('Archive', mail({ from: anna, to: me, subject: 'before' }));
  await rig.choose(id, ['INBOX', 'Archive']);
  box().renewEpoch('Archive');
  await rig.pass(id);
  // Our clock isn't the server's: only what came clearly later is new.
  box().append('Archive', mail({ from: anna, to: me, subject: 'after' }), { receivedAt: new Date(Date.now() + days) });
  await rig.pass(id);
  expect(await rig.log()).toEqual([`${anna} | after | live | received`, `${anna} | before | late_folder | received`]);
  expect(await rig.fired()).toEqual([`${anna} | after`]);
});

test('mail from before the start stays away when its folder is renumbered and the server tells no receive times', async () => {
  const other = rig.server.mailbox('other@acme.example');
  const receive = (subject: string, date?: Date) =>
    other.append('INBOX', mail({ from: anna, to: 'other@acme.example', subject, date }), { receivedAt: null });
  receive('old', new Date('2019-01-01'));
  const otherId = await rig.connect('other@acme.example');
  receive('young');
  other.renewEpoch('INBOX');
  await rig.pass(otherId);
  expect(await rig.fired()).toEqual([`${anna} | young`]);
  expect(await rig.ledger()).toContain('INBOX: skipped before_start');
});

test('a folder that is listed anew under the epoch that it has keeps its rows, and what was missed alone is logged', async () => {
  const start = await rig.db.selectFrom('stream').select('cursor').where('ref', '=', 'INBOX').executeTakeFirstOrThrow();
  for (const subject of ['a', 'b']) deliver(subject);
  await rig.pass(id);
  const before = await rows();
  deliver('missed');
  const { memory } = rig.deps.providers;
  const open: Provider['open'] = async (...settings) => {
    const mailbox = await memory!.open(...settings);
    const changes: typeof mailbox.changes = async function* (stream, cursor, since) {
      const { epoch } = await inboxRow();
      for await (const page of mailbox.changes(stream, cursor, since))
        yield stream.ref === 'INBOX' ? { ...page, reset: { folder: 'INBOX', epoch } } : page;
    };
    return { ...mailbox, changes };
  };
  rig.deps.providers['memory'] = { ...memory!, open };
  await rig.db.updateTable('stream').set(start).where('ref', '=', 'INBOX').execute();
  await rig.pass(id);
  expect(await subjects()).toEqual(['a', 'b', 'missed']);
  expect(await rig.fired()).toHaveLength(3);
  expect((await rows()).slice(0, 2)).toEqual(before);
  expect((await rows()).slice(2)).toMatchObject([{ state: 'logged', superseded_at: null }]);
});

describe('edge case 2: a folder that is renumbered again and again', () => {
  test('loses nothing, fires nothing twice, leaves the ledger as small as it is, and is flagged', async () => {
    const again = deliver('a');
    box().append('INBOX', box().folders.get('INBOX')!.messages.get(Number(again.ref))!.raw);
    deliver('stranger', { from: 'who@elsewhere.example' });
    await rig.pass(id);
    for (let pass = 1; pass <= 3; pass += 1) {
      deliver(`gap ${pass}`);
      box().renewEpoch('INBOX');
      expect((await inbox()).unsteady).toBe(false);
      await rig.pass(id);
    }
    expect(await inbox()).toMatchObject({ unsteady: true, counts: { logged: 5, skipped: 1, quarantined: 0 } });
    expect((await view()).health).toMatchObject([{ code: 'unsteady', message: expect.stringContaining('“INBOX”') }]);
    const before = await rows();
    for (let pass = 4; pass <= 6; pass += 1) {
      deliver(`gap ${pass}`);
      box().renewEpoch('INBOX');
      await rig.pass(id);
    }
    expect(await subjects()).toEqual(['a', ...[1, 2, 3, 4, 5, 6].map((pass) => `gap ${pass}`)]);
    expect(await rig.fired()).toHaveLength(7);
    expect((await inbox()).counts).toEqual({ logged: 8, skipped: 1, quarantined: 0 });
    expect(await rows()).toHaveLength(before.length + 3);
    expect((await view()).state).toBe('active');
    // The stranger's row can still be found by a contact who is added later.
    await rig.addContact('who@elsewhere.example');
    await rig.pass(id);
    expect(await subjects()).toContain('stranger');
  });

  test('is listed a week back only, and what is older stays in the log', async () => {
    const start = new Date(Date.now() - 30 * days);
    await rig.db.updateTable('connection').set({ started_at: start }).where('id', '=', id).execute();
    deliver('old', { receivedAt: new Date(Date.now() - 20 * days) });
    deliver('new');
    await rig.pass(id);
    for (let pass = 1; pass <= 4; pass += 1) {
      box().renewEpoch('INBOX');
      await rig.pass(id);
    }
    expect((await inbox()).counts.logged).toBe(1);
    expect(await subjects()).toEqual(['new', 'old']);
    expect(await rig.fired()).toHaveLength(2);
  });

  test('backwards is flagged at once, and steady again after a week without', async () => {
    deliver('a');
    await rig.pass(id);
    box().renewEpoch('INBOX', 1);
    await rig.pass(id);
    expect((await inbox()).unsteady).toBe(true);
    const before = new Date(Date.now() - 8 * days);
    await rig.db.updateTable('folder').set({ renumbered_at: before }).where('connection_id', '=', id).execute();
    expect((await inbox()).unsteady).toBe(false);
    box().renewEpoch('INBOX');
    await rig.pass(id);
    expect((await inbox()).unsteady).toBe(false);
    expect(await rig.fired()).toHaveLength(1);
  });
});

import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { askForCheck, viewChecks } from '../connections/checks.ts';
import { deleteConnection } from '../connections/delete.ts';
import { chooseFolders } from '../connections/folders.ts';
import { followPlan, pauseOfLeaver } from '../connections/pause-many.ts';
import { updateConnection } from '../connections/pause.ts';
import { reauthenticate } from '../connections/reauthenticate.ts';
import { setConnectionState, stateCodes } from '../connections/state.ts';
import { tryNow } from '../connections/try-now.ts';
import { answerNotice, listOutages, outagesOf } from '../connections/view-outages.ts';
import { viewConnection } from '../connections/view.ts';
import type { Trx } from '../db/open.ts';
import { eraseDeps } from '../log/for-contacts.ts';
import { ProviderError } from '../providers/provider.ts';
import { Bell } from './bell.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';
import { Fenced } from './hold.ts';
import { OpenMailbox } from './open-mailbox.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;
let running: { stop(): Promise<void> }[] = [];

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 4 });
  rig.server.mailbox(me);
  await rig.addContact(anna);
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  running = [];
  await database.db.updateTable('connection').set({ state: 'paused' }).where('state', '<>', 'deleted').execute();
  await checkInvariants(database.db);
});

const box = () => rig.server.mailboxes.get(me)!;
const deliver = (subject: string, from = anna) =>
  box().append('INBOX', mail({ from, to: me, subject, messageId: `${subject}@x` }));
const start = () => running.push(rig.start());
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const view = (id: string) => viewConnection(rig.db, rig.accountId, id);
const outages = (id: string) => outagesOf(rig.db, rig.viewers[0]!, id);
const result = async (id: string) => {
  const [outage] = await outages(id);
  return { phase: outage?.phase, recovered: outage?.check?.recovered, missing: outage?.check?.missing };
};
const setState = (id: string, change: Parameters<typeof setConnectionState>[3]) =>
  rig.db.transaction().execute((trx) => setConnectionState(trx, rig.accountId, id, change));
const refuse = (id: string) => setState(id, { state: 'needs_sign_in', code: 'refused' });
const signIn = (id: string, password: string) =>
  reauthenticate(rig.db, rig.mailboxDeps, rig.viewers[0]!, id, { credentials: { password } });
/** As if the outage had lasted longer. */
const backdate = (id: string) =>
  sql`update outage set began_at = began_at - interval '2 minutes' where connection_id = ${id}`.execute(rig.db);

/** A life of the mailbox in one process, without timers. */
async function opened(id: string) {
  const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
  const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
  const open = new OpenMailbox(rig.deps, hold, mailbox, new Suspects(), new Bell());
  await open.begin();
  return open;
}

/** Does all that there is to do in a life of its own, checks too. */
async function work(id: string) {
  const open = await opened(id);
  try {
    do await open.work(() => false);
    while (await open.giveWay());
  } finally {
    await open.close();
  }
}

describe('re-sync', () => {
  test('after a changed password: what was missed is caught up, and a check says so', async () => {
    const id = await rig.connect(me);
    start();
    deliver('before');
    await expect.poll(subjects).toEqual(['before']);
    box().password = 'changed';
    box().breakWatches(new ProviderError('transient', 'The connection broke.'));
    await expect.poll(async () => (await view(id)).state).toBe('needs_sign_in');
    for (let i = 1; i <= 9; i += 1) deliver(`missed${i}`, i === 9 ? 'stranger@x.example' : anna);
    expect(await outages(id)).toMatchObject([
      { phase: 'out', needsSignIn: true, code: 'refused', notice: 'raised', check: null },
    ]);

    await expect(signIn(id, 'wrong')).rejects.toMatchObject({ code: 'mailbox_refused' });
    expect(await outages(id)).toMatchObject([{ phase: 'out' }]);
    box().latency = 20;
    const seen = new Set([(await signIn(id, 'changed')).state]);
    await expect
      .poll(async () => {
        seen.add((await view(id)).state);
        return await result(id);
      })
      .toEqual({ phase: 'over', recovered: 8, missing: 0 });
    expect([...seen]).toEqual(['catching_up', 'active']);
    expect((await outages(id))[0]).toMatchObject({
      read: 9,
      logged: 8,
      quarantined: 0,
      check: { askedBy: null, listed: 10 },
    });
    expect(await rig.log()).toHaveLength(9);
    expect(await rig.fired()).toHaveLength(9);
    expect(await viewChecks(rig.db, rig.accountId, id)).toHaveLength(1);
  });

  test('after the network was gone, without a new password', async () => {
    const id = await rig.connect(me);
    start();
    deliver('before');
    await expect.poll(subjects).toEqual(['before']);
    box().fail('open', new ProviderError('transient', 'No route to the server.', { retryAfter: 3600 }), { times: 2 });
    box().breakWatches(new ProviderError('transient', 'The connection broke.'));
    await expect.poll(async () => (await view(id)).state).toBe('failing');
    await backdate(id);
    deliver('missed');
    const until = async () => {
      if ((await view(id)).state === 'failing') await tryNow(rig.db, rig.viewers[0]!, id).catch(() => {});
      return await result(id);
    };
    await expect.poll(until).toEqual({ phase: 'over', recovered: 1, missing: 0 });
    expect(await subjects()).toEqual(['before', 'missed']);
    expect(await rig.fired()).toHaveLength(2);
  });

  test('of what passed within a minute by itself tells nobody and checks nothing', async () => {
    const id = await rig.connect(me);
    await setState(id, { state: 'failing', code: 'unreachable' });
    expect(await listOutages(rig.db, rig.viewers[0]!)).toEqual([]);
    await setState(id, { state: 'active' });
    await work(id);
    expect(await outages(id)).toEqual([]);
    expect(await viewChecks(rig.db, rig.accountId, id)).toEqual([]);
    expect((await view(id)).state).toBe('active');
  });

  test('that is killed begins one check all the same, whoever goes on', async () => {
    const id = await rig.connect(me);
    await refuse(id);
    for (let i = 1; i <= 12; i += 1) deliver(`missed${i}`);
    await signIn(id, 'secret');
    let left = Infinity;
    rig.deps.storing = async (_piece, done) => {
      if (left === 0) throw new Error('killed');
      left -= 1;
      return await done();
    };
    const killed = await opened(id);
    // One more page is in when it dies.
    left = 1;
    await expect(killed.work(() => false)).rejects.toThrow('killed');
    left = Infinity;
    expect(await result(id)).toMatchObject({ phase: 'catching_up', recovered: undefined });
    expect((await outages(id))[0]!.logged).toBeGreaterThan(0);

    const next = await opened(id);
    await next.work(() => false);
    expect(await result(id)).toMatchObject({ phase: 'checking' });
    await expect(killed.work(() => false)).rejects.toThrow(Fenced);
    await work(id);
    await work(id);
    expect(await result(id)).toEqual({ phase: 'over', recovered: 12, missing: 0 });
    expect(await viewChecks(rig.db, rig.accountId, id)).toHaveLength(1);
    expect(await rig.fired()).toHaveLength(12);
    await Promise.all([killed.close(), next.close()]);
  });

  test('counts neither what a new numbering lists again, nor what was moved, nor what comes later', async () => {
    const id = await rig.connect(me);
    const places = [1, 2, 3].map((i) => deliver(`before${i}`));
    await work(id);
    await refuse(id);
    box().move(places[0]!, 'Sent');
    box().renewEpoch('INBOX');
    deliver('missed');
    await signIn(id, 'secret');
    const open = await opened(id);
    await open.work(() => false);
    deliver('later');
    await open.close();
    await work(id);
    expect(await result(id)).toEqual({ phase: 'over', recovered: 1, missing: 0 });
    expect(await rig.fired()).toHaveLength(5);
  });

  test('breaks off a check that was under way, and has another compare every folder', async () => {
    const id = await rig.connect(me);
    deliver('before');
    await work(id);
    const { id: checkId } = await askForCheck(rig.db, rig.viewers[0]!, id);
    const open = await opened(id);
    await open.work(() => false);
    const done = () =>
      rig.db.selectFrom('mailbox_check_folder').select('done').where('check_id', '=', checkId).execute();
    while (!(await done()).some((folder) => folder.done)) await open.giveWay();
    await refuse(id);
    await open.close();
    expect(await viewChecks(rig.db, rig.accountId, id)).toMatchObject([
      { id: checkId, listed: 1, endedAt: expect.any(Date), error: stateCodes.refused },
    ]);
    const missed = deliver('missed');
    await signIn(id, 'secret');
    const again = await opened(id);
    await again.work(() => false);
    // Lost again, after all had been caught up and before it was checked.
    await sql`delete from sighting where account_id = ${rig.accountId} and ref = ${missed.ref}`.execute(rig.db);
    await again.close();
    await work(id);
    const { check } = (await outages(id))[0]!;
    expect(check).toMatchObject({ listed: 2, inLedger: 1, missing: 0, error: null });
    expect(check!.id).not.toBe(checkId);
  });

  test('says how many of the missed are in quarantine', async () => {
    const id = await rig.connect(me);
    await refuse(id);
    const place = deliver('unreadable');
    deliver('missed');
    box().fail('message', new ProviderError('protocol', 'Garbled.'), { place, times: 100 });
    await signIn(id, 'secret');
    await work(id);
    expect((await outages(id))[0]).toMatchObject({ phase: 'over', read: 2, logged: 1, quarantined: 1 });
    expect(await result(id)).toMatchObject({ recovered: 1, missing: 0 });
  });

  test('edge case 17: a sign-in to another mailbox is refused by its address, and changes nothing', async () => {
    rig.server.mailbox('other@acme.example');
    const id = await rig.connect(me);
    await refuse(id);
    const settings = { host: 'imap.test.example', port: 993, security: 'tls', user: 'other@acme.example' };
    const other = { credentials: { password: 'secret' }, settings };
    await expect(reauthenticate(rig.db, rig.mailboxDeps, rig.viewers[0]!, id, other)).rejects.toMatchObject({
      code: 'mailbox_refused',
      message: 'This sign-in is for other@acme.example, not for me@acme.example.',
    });
    expect(await outages(id)).toMatchObject([{ phase: 'out', backAt: null }]);
    expect(await view(id)).toMatchObject({ state: 'needs_sign_in', settings: { user: me } });
  });
});

describe('edge case 18: a refused password', () => {
  test('is not tried again, neither by a restart nor after a pause nor for more folders', async () => {
    box().createFolder('Clients');
    const id = await rig.connect(me);
    box().password = 'changed';
    start();
    await expect.poll(async () => (await view(id)).state).toBe('needs_sign_in');
    const { open } = box().calls;
    await running.pop()!.stop();
    start();
    // Another mailbox shows that the restarted process is at work.
    rig.server.mailbox('other@acme.example');
    const other = await rig.connect('other@acme.example');
    await expect.poll(async () => (await view(other)).lastSyncedAt).not.toBeNull();
    await updateConnection(rig.db, rig.viewers[0]!, id, { paused: true });
    expect(await listOutages(rig.db, rig.viewers[0]!)).toEqual([]);
    const resumed = await updateConnection(rig.db, rig.viewers[0]!, id, { paused: false });
    expect(resumed).toMatchObject({ state: 'needs_sign_in', stateCode: 'refused' });
    expect(resumed.stateMessage).toMatch(/refused/);
    const folders = resumed.folders.filter(({ selectable }) => selectable).map((folder) => folder.id);
    await expect(chooseFolders(rig.db, rig.mailboxDeps, rig.viewers[0]!, id, folders)).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect
      .poll(() => rig.db.selectFrom('lease').selectAll().where('connection_id', '=', id).execute())
      .toEqual([]);
    expect(box().calls.open).toBe(open);
  });

  test('that was replaced during a pause goes on with the new one', async () => {
    const id = await rig.connect(me);
    await refuse(id);
    await updateConnection(rig.db, rig.viewers[0]!, id, { paused: true });
    deliver('missed');
    expect((await signIn(id, 'secret')).state).toBe('paused');
    expect((await updateConnection(rig.db, rig.viewers[0]!, id, { paused: false })).state).toBe('catching_up');
    await work(id);
    expect(await result(id)).toEqual({ phase: 'over', recovered: 1, missing: 0 });
  });
});

describe('a notice', () => {
  const told = async (viewer: number) =>
    (
      await listOutages(rig.db, { ...rig.viewers[viewer]!, role: viewer === 2 ? 'admin' : rig.viewers[viewer]!.role })
    ).map(({ connection, phase, notice }) => `${connection.address} ${phase} ${notice}`);
  const answer = async (viewer: number, how: 'later' | 'dismissed', id: string) =>
    answerNotice(
      rig.db,
      { ...rig.viewers[viewer]!, role: viewer === 2 ? 'admin' : rig.viewers[viewer]!.role },
      (await latest(id))!,
      how,
    );
  const latest = async (id: string) =>
    (
      await rig.db
        .selectFrom('outage')
        .select('id')
        .where('connection_id', '=', id)
        .orderBy('began_at', 'desc')
        .executeTakeFirst()
    )?.id;

  test('is for the owner until the result was read, and for admins while the mailbox is out; other members learn nothing', async () => {
    const id = await rig.connect(me, ['INBOX'], rig.viewers[1]!);
    await updateConnection(rig.db, rig.viewers[1]!, id, { sharing: 'private' });
    await refuse(id);
    rig.viewers[0]!.role = 'member';
    expect(await told(0)).toEqual([]);
    expect(await told(1)).toEqual([`${me} out raised`]);
    expect(await told(2)).toEqual([`${me} out raised`]);
    await expect(answer(0, 'dismissed', id)).rejects.toMatchObject({ code: 'not_found' });

    await answer(1, 'later', id);
    await answer(2, 'dismissed', id);
    expect(await told(1)).toEqual([`${me} out later`]);
    expect(await told(2)).toEqual([]);
    await sql`update outage_notice set later_until = now() - interval '1 second'`.execute(rig.db);
    expect(await told(1)).toEqual([`${me} out raised`]);

    await reauthenticate(rig.db, rig.mailboxDeps, rig.viewers[1]!, id, { credentials: { password: 'secret' } });
    expect(await told(1)).toEqual([`${me} catching_up raised`]);
    await work(id);
    expect(await told(1)).toEqual([`${me} over raised`]);
    expect(await told(2)).toEqual([]);
    await answer(1, 'dismissed', id);
    expect(await told(1)).toEqual([]);

    await refuse(id);
    expect(await told(1)).toEqual([`${me} out raised`]);
    expect(await told(2)).toEqual([`${me} out raised`]);
  });

  test('that was put off comes back when the sign-in is refused, too', async () => {
    const id = await rig.connect(me);
    await setState(id, { state: 'failing', code: 'unreachable' });
    await backdate(id);
    await answer(0, 'dismissed', id);
    expect(await told(0)).toEqual([`${me} out dismissed`]);
    await refuse(id);
    expect(await told(0)).toEqual([`${me} out raised`]);
    expect(await outages(id)).toHaveLength(1);
  });
});

describe('a check of a mailbox that is not read any more', () => {
  const inTrx = (change: (trx: Trx) => Promise<unknown>) => rig.db.transaction().execute(change);
  test.each<[string, (id: string) => Promise<unknown>]>([
    [stateCodes.paused_by_owner, (id) => updateConnection(rig.db, rig.viewers[0]!, id, { paused: true })],
    [stateCodes.paused_by_plan, () => inTrx((trx) => followPlan(trx, rig.accountId, false))],
    [stateCodes.owner_left, () => inTrx((trx) => pauseOfLeaver(trx, rig.accountId, rig.viewers[0]!.userId))],
    [
      'The connection was deleted.',
      (id) => deleteConnection(rig.db, eraseDeps({ blobs: rig.blobs }), rig.viewers[0]!, id, 'keep'),
    ],
  ])('ends, and says: %s', async (why, change) => {
    const id = await rig.connect(me);
    await askForCheck(rig.db, rig.viewers[0]!, id);
    await change(id);
    expect(await viewChecks(rig.db, rig.accountId, id)).toMatchObject([{ endedAt: expect.any(Date), error: why }]);
  });

  test('ends also where the server is out of reach from the beginning', async () => {
    const id = await rig.connect(me);
    box().fail('open', new ProviderError('transient', 'No route.', { reason: 'unreachable' }), { times: 1000 });
    start();
    await expect.poll(async () => (await view(id)).state).toBe('failing');
    const { id: checkId } = await askForCheck(rig.db, rig.viewers[0]!, id);
    await tryNow(rig.db, rig.viewers[0]!, id);
    const check = async () => (await viewChecks(rig.db, rig.accountId, id)).find((one) => one.id === checkId);
    await expect.poll(check).toMatchObject({ endedAt: expect.any(Date), error: 'No route.' });
  });
});

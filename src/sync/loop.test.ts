import { sql } from 'kysely';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { deleteConnection } from '../connections/delete.ts';
import { updateConnection } from '../connections/pause.ts';
import { reauthenticate } from '../connections/reauthenticate.ts';
import { tryNow } from '../connections/try-now.ts';
import { viewConnection } from '../connections/view.ts';
import { eraseDeps } from '../log/for-contacts.ts';
import { ProviderError } from '../providers/provider.ts';
import { Bell } from './bell.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';
import { processLock } from './lease.ts';
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
const deliver = (subject: string, from = anna, folder = 'INBOX') =>
  box().append(folder, mail({ from, to: me, subject }));
const start = (sweepSeconds = 3600) => {
  const one = rig.start(sweepSeconds);
  running.push(one);
  return one;
};
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const connection = (id: string) =>
  rig.db.selectFrom('connection').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

describe('the supervisor', () => {
  test('takes up a connection as soon as its folders are chosen, and each message as it comes', async () => {
    start();
    const id = await rig.connect(me);
    deliver('first');
    await expect.poll(subjects).toEqual(['first']);
    for (let i = 0; i < 10; i += 1) deliver(`m${i}`);
    await expect.poll(subjects).toHaveLength(11);
    await rig.choose(id, ['INBOX', 'Sent']);
    deliver('sent', me, 'Sent');
    await expect.poll(async () => (await rig.ledger()).length).toBe(12);
    expect(await connection(id)).toMatchObject({ state: 'active', last_synced_at: expect.any(Date) });
  });

  test('lets one process sync and the other take over when it ends', async () => {
    const first = start();
    await rig.connect(me);
    deliver('one');
    await expect.poll(subjects).toHaveLength(1);
    start();
    await first.stop();
    deliver('two');
    await expect.poll(subjects).toHaveLength(2);
  });

  test('takes over when the first one has lost its lock', async () => {
    start();
    const id = await rig.connect(me);
    deliver('one');
    await expect.poll(subjects).toHaveLength(1);
    const { fence } = await connection(id);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'letterlog sync' and datname = current_database()`.execute(rig.db);
    await expect.poll(async () => Number((await connection(id)).fence)).toBeGreaterThan(Number(fence));
    deliver('two');
    await expect.poll(subjects).toHaveLength(2);
  });

  test('is not held up by a loop that takes long to stop', async () => {
    const stuck = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    rig.blobs.disk = () => {
      arrived.resolve();
      return stuck.promise;
    };
    start();
    const id = await rig.connect(me);
    deliver('being stored');
    await arrived.promise;
    await updateConnection(rig.db, rig.viewers[0]!, id, { paused: true });
    const other = 'other@acme.example';
    const theirs = rig.server.mailbox(other);
    await rig.connect(other);
    theirs.append('INBOX', mail({ from: 'stranger@x.example', to: other }));
    try {
      await expect.poll(() => rig.ledger()).toEqual(['INBOX: skipped no_contact']);
    } finally {
      stuck.resolve();
    }
    await updateConnection(rig.db, rig.viewers[0]!, id, { paused: false });
    await expect.poll(subjects).toEqual(['being stored']);
  });

  test('that lost its place leaves the others theirs until their time is out', async () => {
    const ghost = new pg.Client(database.url);
    await ghost.connect();
    const { warn } = rig.deps.log;
    // The session of the other one ends with the first one's, as when the database is started again.
    rig.deps.log.warn = (...args: unknown[]) => {
      void ghost.end();
      warn(...(args as [string]));
    };
    start();
    const mine = await rig.connect(me);
    deliver('one');
    await expect.poll(subjects).toHaveLength(1);
    const other = 'other@acme.example';
    rig.server.mailbox(other);
    const { rows } = await ghost.query<{ id: number; at: Date }>(
      `insert into sync_process (expires_at) values (clock_timestamp() + interval '6 s') returning id, expires_at as at`,
    );
    const { id: processId, at: expiresAt } = rows[0]!;
    await ghost.query('select pg_advisory_lock($1, $2)', [processLock, processId]);
    const theirs = await rig.connect(other, ['INBOX']);
    await sql`insert into lease values (${rig.accountId}, ${theirs}, ${processId}) on conflict (account_id, connection_id) do update set process_id = excluded.process_id`.execute(
      rig.db,
    );
    const leases = async () =>
      Object.fromEntries(
        (await rig.db.selectFrom('lease').selectAll().where('account_id', '=', rig.accountId).execute()).map((one) => [
          one.connection_id,
          one.process_id,
        ]),
      );
    const { [mine]: first } = await leases();
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'letterlog sync' and datname = current_database()`.execute(rig.db);
    await expect.poll(async () => (await leases())[theirs]).toBe(first);
    const now = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(rig.db);
    expect(now.rows[0]!.now.getTime()).toBeGreaterThanOrEqual(expiresAt.getTime());
    expect(await leases()).toEqual({ [mine]: first, [theirs]: first });
  });

  test('stops for a pause, catches up after it, and ends with a deletion', async () => {
    start();
    const id = await rig.connect(me);
    deliver('one');
    await expect.poll(subjects).toHaveLength(1);
    await updateConnection(rig.db, rig.viewers[0]!, id, { paused: true });
    await expect.poll(() => box().watchers.size).toBe(0);
    deliver('in the pause');
    await updateConnection(rig.db, rig.viewers[0]!, id, { paused: false });
    await expect.poll(subjects).toHaveLength(2);
    await deleteConnection(rig.db, eraseDeps({ blobs: rig.blobs }), rig.viewers[0]!, id, 'erase');
    await expect.poll(() => box().watchers.size).toBe(0);
    expect(await rig.log()).toEqual([]);
  });

  test('finds the mail of a contact added later without being asked', async () => {
    start();
    await rig.connect(me);
    deliver('early', 'late@x.example');
    await expect.poll(() => rig.ledger()).toEqual(['INBOX: skipped no_contact']);
    await rig.addContact('late@x.example');
    await expect.poll(() => rig.log()).toEqual(['late@x.example | early | late_contact | received']);
  });
});

describe('trouble', () => {
  test('a refused sign-in stops the loop until the owner signs in again; then all is caught up', async () => {
    const id = await rig.connect(me);
    box().password = 'changed';
    start();
    await expect.poll(async () => (await connection(id)).state).toBe('needs_sign_in');
    expect(await connection(id)).toMatchObject({ state_code: 'refused', next_try_at: null });
    deliver('missed');
    await reauthenticate(rig.db, rig.mailboxDeps, rig.viewers[0]!, id, { credentials: { password: 'changed' } });
    await expect.poll(subjects).toEqual(['missed']);
    await expect.poll(async () => (await connection(id)).state).toBe('active');
  });

  test('a server out of reach is tried again, with the next try to be seen; a push that broke is mended quietly', async () => {
    const id = await rig.connect(me);
    box().fail('open', new ProviderError('transient', 'No route to the server.', { reason: 'unreachable' }));
    start();
    await expect.poll(async () => (await connection(id)).state).toBe('failing');
    const failing = await connection(id);
    expect(failing).toMatchObject({ state_code: 'unreachable', state_message: 'No route to the server.' });
    expect(failing.next_try_at!.getTime()).toBeGreaterThan(Date.now());
    deliver('missed');
    await expect.poll(subjects).toEqual(['missed']);
    // All of it read, not just something.
    await expect.poll(() => connection(id)).toMatchObject({ state: 'active', last_synced_at: expect.any(Date) });
    const { state_since: since } = await connection(id);
    box().breakWatches(new ProviderError('transient', 'The connection broke.'));
    deliver('after the break');
    await expect.poll(subjects).toHaveLength(2);
    expect(await connection(id)).toMatchObject({ state: 'active', state_since: since });
  });

  test('ends with what was missed being caught up, in order, at once when somebody asks for it', async () => {
    const id = await rig.connect(me);
    start();
    deliver('before');
    await expect.poll(subjects).toEqual(['before']);
    const seen: string[] = [];
    const shown = async () => {
      const { state } = await viewConnection(rig.db, rig.accountId, id);
      if (seen.at(-1) !== state) seen.push(state);
      return state;
    };
    await expect.poll(shown).toBe('active');
    await expect(tryNow(rig.db, rig.viewers[0]!, id)).rejects.toMatchObject({ code: 'conflict' });
    const away = new ProviderError('transient', 'No route to the server.', { retryAfter: 3600 });
    box().fail('open', away, { times: 2 });
    box().breakWatches(new ProviderError('transient', 'The connection broke.'));
    await expect.poll(shown).toBe('failing');
    const missed = Array.from({ length: 30 }, (_, i) => `missed${String(i).padStart(2, '0')}`);
    for (const subject of missed) deliver(subject);
    box().latency = 20;
    await expect
      .poll(async () => {
        // The second of the two refusals may still be ahead.
        if ((await shown()) === 'failing') await tryNow(rig.db, rig.viewers[0]!, id).catch(() => {});
        return seen.at(-1);
      })
      .toBe('catching_up');
    await expect.poll(shown).toBe('active');
    expect(seen).toEqual(['active', 'failing', 'catching_up', 'active']);
    expect(await subjects()).toEqual(['before', ...missed]);
    const order = await rig.db
      .selectFrom('sighting')
      .where('connection_id', '=', id)
      .orderBy('id')
      .select('ref')
      .execute();
    expect(order.map(({ ref }) => Number(ref))).toEqual(order.map((_, i) => i + 1));
  });

  test('does not count as caught up when something interrupts the reading', async () => {
    const id = await rig.connect(me);
    deliver('missed');
    const claimed = await claim(rig.deps, rig.accountId, id);
    const mailbox = await rig.deps.providers['memory']!.open(
      claimed!.connection.settings,
      claimed!.connection.credentials,
    );
    const open = new OpenMailbox(rig.deps, claimed!.hold, mailbox, new Suspects(), new Bell(), async () => {});
    try {
      await open.begin();
      await open.work(() => true);
      expect(await connection(id)).toMatchObject({ last_synced_at: null });
      await open.work(() => false);
      expect(await connection(id)).toMatchObject({ last_synced_at: expect.any(Date) });
      expect(await subjects()).toEqual(['missed']);
    } finally {
      await open.close();
    }
  });

  test('of all folders keeps its beginning through every try, and ends when something can be read', async () => {
    const id = await rig.connect(me);
    const garbled = new ProviderError('protocol', 'Garbled.');
    for (const folder of ['INBOX', 'Sent']) box().fail('changes', garbled, { folder, times: 4 });
    deliver('one');
    deliver('two', me, 'Sent');
    start();
    const failing = { state: 'failing', state_code: 'protocol' };
    const seen = async () => (await connection(id)).state;
    await expect.poll(seen).toBe('failing');
    for (let tries = 2; tries <= 4; tries += 1) {
      const { state_since: since, next_try_at: next } = await connection(id);
      await tryNow(rig.db, rig.viewers[0]!, id);
      await expect.poll(async () => (await connection(id)).next_try_at).not.toEqual(next);
      expect(await connection(id)).toMatchObject({ ...failing, state_since: since });
    }
    await tryNow(rig.db, rig.viewers[0]!, id);
    await expect.poll(seen).toBe('active');
    await expect.poll(subjects).toEqual(['one']);
  });

  test.each([
    new ProviderError('protocol', 'Garbled.'),
    new ProviderError('transient', 'Garbled.', { folderOnly: true }),
  ])('of one folder rests that folder alone ($kind)', async (error) => {
    const id = await rig.connect(me);
    box().fail('changes', error, { folder: 'Sent', times: 1000 });
    start();
    deliver('one');
    await expect.poll(subjects).toEqual(['one']);
    const troubled = () =>
      rig.db
        .selectFrom('stream')
        .where('connection_id', '=', id)
        .where('error', 'is not', null)
        .select(['ref', 'error'])
        .execute();
    await expect.poll(troubled).toEqual([{ ref: 'Sent', error: 'Garbled.' }]);
    await expect.poll(async () => (await connection(id)).state).toBe('active');
    deliver('two');
    await expect.poll(subjects).toHaveLength(2);
  });

  test('a folder that is deleted is marked gone, and read again when it comes back', async () => {
    box().createFolder('Projects');
    const id = await rig.connect(me, ['INBOX', 'Projects']);
    start(1);
    deliver('one', anna, 'Projects');
    await expect.poll(subjects).toEqual(['one']);
    box().deleteFolder('Projects');
    const gone = async () =>
      (
        await rig.db
          .selectFrom('folder')
          .select('gone_at')
          .where('connection_id', '=', id)
          .where('ref', '=', 'Projects')
          .executeTakeFirstOrThrow()
      ).gone_at;
    await expect.poll(gone).not.toBeNull();
    deliver('two');
    await expect.poll(subjects).toHaveLength(2);
    expect((await connection(id)).state).toBe('active');
  });

  test('edge case 21: a folder that is renamed while it is watched is watched on under its new name', async () => {
    box().createFolder('Projects');
    await rig.connect(me, ['INBOX', 'Projects']);
    start(1);
    deliver('one', anna, 'Projects');
    await expect.poll(subjects).toEqual(['one']);
    box().renameFolder('Projects', 'Projekte');
    await expect.poll(() => [...box().watchers].some(({ folders }) => folders.has('Projekte'))).toBe(true);
    deliver('two', anna, 'Projekte');
    await expect.poll(subjects).toEqual(['one', 'two']);
  });

  test('a push that says nothing costs until the next sweep', async () => {
    const provider = rig.deps.providers['memory']!;
    rig.deps.providers = {
      memory: {
        ...provider,
        open: async (...args) => ({ ...(await provider.open(...args)), watch: async () => async () => {} }),
      },
    };
    start(1);
    await rig.connect(me);
    await expect.poll(() => box().calls.stale ?? 0).toBeGreaterThan(0);
    deliver('unheard');
    await expect.poll(subjects).toEqual(['unheard']);
  });
});

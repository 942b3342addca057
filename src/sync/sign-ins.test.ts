import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { askForCheck } from '../connections/checks.ts';
import { tryNow } from '../connections/try-now.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Watcher } from '../providers/memory/server.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const other = 'other@acme.example';

const database = sharedDatabase();
let rig: SyncRig;
let running: { stop(): Promise<void> } | null = null;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  rig.server.mailbox(other);
  await rig.addContact(anna);
});
afterEach(async () => {
  await running?.stop();
  running = null;
  await database.db.updateTable('connection').set({ state: 'paused' }).where('state', '<>', 'deleted').execute();
  await checkInvariants(database.db);
});

const box = () => rig.server.mailboxes.get(me)!;
const deliver = (subject: string, to = me, from = anna) =>
  rig.server.mailboxes.get(to)!.append('INBOX', mail({ from, to, subject }));
const start = () => {
  running = rig.start();
};
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const connection = (id: string) =>
  rig.db.selectFrom('connection').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const opens = () => box().calls.open ?? 0;
const lost = new ProviderError('transient', 'The connection was lost.');

/** A mailbox whose server asks to wait an hour, with stranger's mail that contacts can be made of. */
async function resting(): Promise<string> {
  const id = await rig.connect(me);
  await rig.connect(other);
  for (let i = 0; i < 5; i += 1) deliver(`s${i}`, me, `s${i}@stranger.example`);
  start();
  await expect.poll(async () => (await rig.ledger()).length).toBe(5);
  await expect.poll(() => box().watchers.size).toBe(1);
  box().fail('open', new ProviderError('rate-limit', 'Wait.', { retryAfter: 3600 }), { times: 1e9 });
  box().breakWatches(lost);
  await expect.poll(async () => (await connection(id)).state).toBe('failing');
  return id;
}

/** All that a loop without a pause needs: several notifications, and another mailbox's mail from the server to the log. */
async function someTime(): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    deliver(`meanwhile ${i}`, other);
    await expect.poll(subjects).toContain(`meanwhile ${i}`);
  }
}

describe('while a mailbox rests', () => {
  test('one “Try now” is one sign-in', async () => {
    const id = await resting();
    const before = opens();
    const { next_try_at: next } = await connection(id);
    await tryNow(rig.db, rig.viewers[0]!, id);
    await expect.poll(async () => (await connection(id)).next_try_at).not.toEqual(next);
    await someTime();
    expect(opens()).toBe(before + 1);
  });

  test('new contacts and a check that is asked for wait with it', async () => {
    const id = await resting();
    const before = opens();
    for (let i = 0; i < 5; i += 1) await rig.addContact(`s${i}@stranger.example`);
    await askForCheck(rig.db, rig.viewers[0]!, id);
    await someTime();
    expect(opens()).toBe(before);
    expect(await subjects()).not.toContain('s0');
  });
});

test('contacts that are added one by one neither break the watch nor hold up new mail', async () => {
  await rig.connect(me);
  for (let i = 0; i < 100; i += 1) deliver(`s${i}`, me, `s${i}@stranger.example`);
  start();
  await expect.poll(async () => (await rig.ledger()).length).toBe(100);
  await expect.poll(() => box().watchers.size).toBe(1);
  const watches = box().calls.watch;
  box().latency = 700;
  const adding: Promise<string>[] = [];
  const add = () => adding.push(rig.addContact(`s${adding.length}@stranger.example`));
  const pace = setInterval(() => adding.length < 100 && add(), 300);
  try {
    await expect.poll(() => adding.length).toBe(3);
    deliver('live');
    await expect.poll(subjects).toContain('live');
  } finally {
    clearInterval(pace);
    await Promise.all(adding);
  }
  await expect.poll(subjects).toHaveLength(adding.length + 1);
  expect(box().calls.watch).toBe(watches);
});

test('a server that drops each connection as soon as everything was read is asked ever more seldom, and the state tells', async () => {
  const id = await rig.connect(me);
  const before = opens();
  start();
  const states = new Set<string>();
  const dropped = new Set<Watcher>();
  const dropping = setInterval(() => {
    for (const watcher of box().watchers) {
      if (dropped.has(watcher)) continue;
      dropped.add(watcher);
      // By then all of the little that is in it has been read.
      setTimeout(() => box().breakWatches(lost), 300);
    }
  }, 20);
  try {
    await expect
      .poll(
        async () => {
          const { state, next_try_at: next } = await connection(id);
          states.add(state);
          return next === null ? 0 : next.getTime() - Date.now();
        },
        { timeout: 60_000, interval: 20 },
      )
      // Longer than the second pause can be (sync/policy.ts: 10 s, a quarter more or less).
      .toBeGreaterThan(12_600);
  } finally {
    clearInterval(dropping);
  }
  expect(states).toContain('failing');
  // The first time is everyday: it is mended quietly.
  expect(dropped.size).toBeGreaterThan(2);
  expect(opens() - before).toBeLessThan(5);
}, 90_000);

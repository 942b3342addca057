import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { databaseKillPoints } from '../../test/servers/kill-points.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { openDatabase, prepared } from '../db/open.ts';
import type { Db } from '../db/open.ts';
import { ProviderError } from '../providers/provider.ts';
import { Bell } from './bell.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';
import { Fenced } from './hold.ts';
import type { Hold } from './hold.ts';
import { OpenMailbox } from './open-mailbox.ts';
import { syncStream } from './sync-stream.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

let database: TestDatabase;
let points: Awaited<ReturnType<typeof databaseKillPoints>>;
/** The same database, as the process sees it that is held up. */
let held: Db;
let rig: SyncRig;
let id: string;

beforeAll(async () => {
  database = await testDatabase();
  points = await databaseKillPoints(database.url);
  held = openDatabase(points.url);
});
afterAll(async () => {
  await held.destroy();
  await points[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  rig = await syncRig(database);
  const box = rig.server.mailbox(me);
  await rig.addContact(anna);
  id = await rig.connect(me);
  box.append('INBOX', mail({ from: anna, to: me, subject: 'one' }));
});
afterEach(async () => {
  points.release();
  await checkInvariants(database.db);
});

const take = () => claim(rig.deps, rig.accountId, id);
const open = async (): Promise<{ hold: Hold; mailbox: Parameters<typeof syncStream>[1] }> => {
  const { hold, connection } = (await take())!;
  const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
  return { hold: { ...hold, db: held, live: prepared(held) }, mailbox };
};
const ledger = () => rig.ledger();
/** What another process that has taken over makes of it: the row is right and there once, and it fired once. */
async function expectOnce(): Promise<void> {
  await rig.pass(id);
  expect(await ledger()).toEqual(['INBOX: logged contact']);
  expect(await rig.log()).toEqual([`${anna} | one | live | received`]);
  expect(await rig.fired()).toEqual([`${anna} | one`]);
}

test('edge case 27: a page that was under way when another process took over is refused by the fence', async () => {
  const { hold, mailbox } = await open();
  const reached = points.arm('begun, the fence not looked at');
  const page = syncStream(hold, mailbox, 'INBOX', new Suspects());
  await reached;
  await take();
  points.goOn();
  await expect(page).rejects.toThrow(Fenced);
  expect(await ledger()).toEqual([]);
  await expectOnce();
});

test('edge case 27: whoever takes over waits for a COMMIT that is on its way, and repeats nothing of it', async () => {
  const { hold, mailbox } = await open();
  const reached = points.arm('COMMIT sent, not forwarded');
  const page = syncStream(hold, mailbox, 'INBOX', new Suspects());
  await reached;
  const taking = take();
  await expect.poll(waitingForLock).toBe(1);
  expect(await ledger()).toEqual([]);
  points.goOn();
  expect(await page).toMatchObject({ listed: 1 });
  expect(await ledger()).toEqual(['INBOX: logged contact']);
  expect(await taking).not.toBeNull();
  await expectOnce();
});

test.each(['COMMIT sent, not forwarded', 'COMMIT forwarded, not answered'] as const)(
  'edge case 27: a page whose process is gone is there once: %s',
  async (point) => {
    const { hold, mailbox } = await open();
    const reached = points.arm(point);
    const page = syncStream(hold, mailbox, 'INBOX', new Suspects());
    await reached;
    const taking = take();
    points.release();
    await expect(page).rejects.toThrow();
    expect(await taking).not.toBeNull();
    expect(await ledger()).toHaveLength(point === 'COMMIT sent, not forwarded' ? 0 : 1);
    await expectOnce();
  },
);

test('a process that lost the connection notes nothing of it any more', async () => {
  const { hold, mailbox } = await open();
  const mailboxOpen = new OpenMailbox(rig.deps, hold, mailbox, new Suspects(), new Bell(), async () => {});
  try {
    await mailboxOpen.begin();
    await take();
    // One folder has trouble, and nothing is new in the other.
    rig.server.mailboxes.get(me)!.fail('changes', new ProviderError('protocol', 'Garbled.'), { folder: 'INBOX' });
    await expect(mailboxOpen.work(() => false)).rejects.toThrow(Fenced);
    const streams = rig.db.selectFrom('stream').select(['error', 'last_synced_at']).where('connection_id', '=', id);
    const noted = (await streams.execute()).filter((one) => one.error !== null || one.last_synced_at !== null);
    expect(noted).toEqual([]);
  } finally {
    await mailboxOpen.close();
  }
});

async function waitingForLock(): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%from "connection"%for no key update%'`.execute(
    rig.db,
  );
  return rows[0]!.n;
}

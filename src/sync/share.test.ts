import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { joinProcesses, processLock } from './lease.ts';
import type { Membership } from './lease.ts';
import { levelled, removeGoneProcesses } from './share.ts';

const database = sharedDatabase();

const standings = (...held: number[]) => held.map((one, i) => ({ processId: i + 1, held: one }));
const join = async () => (await joinProcesses(database.url, new AbortController().signal)) as Membership;
const processIds = async () => (await database.db.selectFrom('sync_process').select('id').execute()).map((p) => p.id);

test('one process takes all, and a second gets half of them from it', () => {
  expect(levelled(10, standings(0), 1)).toEqual({ take: 10, give: 0 });
  expect(levelled(10, standings(10, 0), 1)).toEqual({ take: 0, give: 5 });
  expect(levelled(10, standings(5, 0), 2)).toEqual({ take: 5, give: 0 });
});

test('nothing moves while no process is below its share', () => {
  // One connection of the second was paused, and 4 is over the share of 3.33 by then.
  expect(levelled(10, standings(4, 3, 3), 1)).toEqual({ take: 0, give: 0 });
  expect(levelled(9, standings(4, 2, 3), 1)).toEqual({ take: 0, give: 1 });
  // What is free already goes to the process that waits.
  expect(levelled(11, standings(5, 3, 2), 1)).toEqual({ take: 0, give: 0 });
});

test('a process that comes late gets its share, also where the shares are no whole numbers', () => {
  expect(levelled(4, standings(2, 2, 0), 1)).toEqual({ take: 0, give: 1 });
  expect(levelled(4, standings(1, 1, 0), 3)).toEqual({ take: 2, give: 0 });
  expect(levelled(4, standings(1, 1, 2), 3)).toEqual({ take: 0, give: 0 });
});

test('levelling closes few mailboxes at a time', () => {
  expect(levelled(2000, standings(2000, 0), 1).give).toBeLessThanOrEqual(20);
});

test('a process is removed when its session is gone or its time ran out, and no other', async () => {
  const [watcher, alive, expired] = [await join(), await join(), await join()];
  const left = await database.db
    .insertInto('sync_process')
    .values({ expires_at: new Date(Date.now() + 3_600_000) })
    .returning('id')
    .executeTakeFirstOrThrow();
  await database.db
    .updateTable('sync_process')
    .set({ expires_at: new Date(0) })
    .where('id', '=', expired.processId)
    .execute();
  expect(await processIds()).toContain(left.id);
  await removeGoneProcesses(database.db, watcher.processId);
  expect((await processIds()).sort()).toEqual([watcher.processId, alive.processId].sort());
  // It finds out at its next renewal.
  await expect.poll(() => expired.lost.aborted).toBe(true);
  expect(alive.lost.aborted).toBe(false);
  await Promise.all([watcher, alive, expired].map((one) => one.leave()));
  expect(await processIds()).toEqual([]);
});

test('a process whose session broke comes back to its place and leases, where nobody took them meanwhile', async () => {
  const breakOff = async (one: Membership) => {
    await sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = ${processLock}::oid
      and objid = ${one.processId}::oid and database = (select oid from pg_database where datname = current_database())`.execute(
      database.db,
    );
    await expect.poll(() => one.lost.aborted).toBe(true);
  };
  const again = async (one: Membership) =>
    (await joinProcesses(database.url, new AbortController().signal, one.processId)) as Membership;
  const [first, second] = [await join(), await join()];
  await breakOff(first);
  await breakOff(second);
  const back = await again(first);
  expect(back.processId).toBe(first.processId);
  // The second may be on its way back as well.
  await removeGoneProcesses(database.db, back.processId, true);
  expect(await processIds()).toContain(second.processId);
  // Somebody who lost nothing isn't that patient.
  await removeGoneProcesses(database.db, back.processId);
  const anew = await again(second);
  expect(anew.processId).not.toBe(second.processId);
  await Promise.all([back, anew].map((one) => one.leave()));
});

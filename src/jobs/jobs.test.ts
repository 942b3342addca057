import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { createJobs } from './jobs.ts';
import type { Jobs } from './jobs.ts';

const log = { error: () => {}, warn: () => {} };
const jobOf = (runId: string) => ({ accountId: 'a', runId, visit: 0 });

let database: TestDatabase;
let jobs: Jobs;
/** Every delivery, by run id: when it came. */
const delivered = new Map<string, number[]>();
const failing = new Set<string>();

beforeAll(async () => {
  database = await testDatabase();
  jobs = createJobs({ url: database.url, role: 'work', log });
  await jobs.start();
  await jobs.work('run-step', 4, async ({ runId }) => {
    delivered.set(runId, [...(delivered.get(runId) ?? []), performance.now()]);
    if (failing.delete(runId)) throw new Error('for the test');
  });
});

afterAll(async () => {
  await jobs.stop();
  await database[Symbol.asyncDispose]();
});

async function enqueue(runIds: string[], options: { startAfter?: Date; key?: string } = {}) {
  await database.db.transaction().execute((trx) =>
    jobs.enqueueAll(
      trx,
      'run-step',
      runIds.map((runId) => ({ ...options, data: jobOf(runId) })),
    ),
  );
}

const isDelivered = async (runId: string, times = 1) =>
  await expect.poll(() => delivered.get(runId)).toHaveLength(times);

test('a job is delivered when its transaction commits, and not before', async () => {
  await database.db.transaction().execute(async (trx) => {
    await jobs.enqueue(trx, 'run-step', jobOf('held'));
    await enqueue(['other']);
    await isDelivered('other');
    expect(delivered.has('held')).toBe(false);
  });
  await isDelivered('held');
});

test('a rolled back transaction leaves no job', async () => {
  const rolledBack = database.db.transaction().execute(async (trx) => {
    await jobs.enqueue(trx, 'run-step', jobOf('rolled back'));
    throw new Error('no');
  });
  await expect(rolledBack).rejects.toThrow('no');
  await enqueue(['after it']);
  await isDelivered('after it');
  expect(delivered.has('rolled back')).toBe(false);
});

test('workers do not idle beside a full queue', async () => {
  const many = Array.from({ length: 300 }, (_, index) => `many ${index}`);
  const start = performance.now();
  await enqueue(many);
  await expect.poll(() => many.every((runId) => delivered.has(runId))).toBe(true);
  // By polling each second with four workers it would be 75 s.
  console.log(`300 jobs: ${Math.round(performance.now() - start)} ms`);
});

test('a job of a key that is there already is ignored', async () => {
  await enqueue(['first'], { key: 'same' });
  await enqueue(['second'], { key: 'same' });
  await enqueue(['third']);
  await isDelivered('first');
  await isDelivered('third');
  expect(delivered.has('second')).toBe(false);
});

test('a job waits for its time', async () => {
  const startAfter = new Date(Date.now() + 1500);
  const enqueuedAt = performance.now();
  await enqueue(['later'], { startAfter });
  await isDelivered('later');
  expect(delivered.get('later')![0]! - enqueuedAt).toBeGreaterThan(1400);
});

test('a job whose handler throws comes again', async () => {
  failing.add('fails once');
  await enqueue(['fails once']);
  await isDelivered('fails once', 2);
});

test('a process that only enqueues reaches workers elsewhere', async () => {
  const web = createJobs({ url: database.url, role: 'enqueue', log });
  await web.start();
  await database.db.transaction().execute((trx) => web.enqueue(trx, 'run-step', jobOf('from the web')));
  await isDelivered('from the web');
  await web.stop();
});

test('two processes may install the queues at the same time', async () => {
  await using fresh = await testDatabase();
  const both = [1, 2].map(() => createJobs({ url: fresh.url, role: 'work', log }));
  await Promise.all(both.map((one) => one.start()));
  await fresh.db.transaction().execute((trx) => both[0]!.enqueue(trx, 'run-step', jobOf('x')));
  await Promise.all(both.map((one) => one.stop()));
});

test('delivery takes milliseconds', async () => {
  const times: number[] = [];
  for (let index = 0; index < 30; index += 1) {
    await enqueue([`timed ${index}`]);
    const committed = performance.now();
    await isDelivered(`timed ${index}`);
    times.push(delivered.get(`timed ${index}`)![0]! - committed);
  }
  times.sort((a, b) => a - b);
  // Reported, not asserted: the machine is shared.
  console.log(`commit to handler: median ${times[15]!.toFixed(1)} ms, worst ${times.at(-1)!.toFixed(1)} ms`);
});

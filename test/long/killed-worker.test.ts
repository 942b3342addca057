import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createJobs } from '../../src/jobs/jobs.ts';
import { testDatabase } from '../servers/postgres.ts';

const log = { error: () => {}, warn: () => {} };

/** Takes one job and never ends it. */
const worker = `
  import { createJobs } from ${JSON.stringify(new URL('../../src/jobs/jobs.ts', import.meta.url).href)};
  const jobs = createJobs({ url: process.argv[1], role: 'work', log: { error() {}, warn() {} } });
  await jobs.start();
  await jobs.work('run-step', 1, async () => { console.log('taken'); await new Promise(() => {}); });
`;

test('the job of a worker that was killed is taken over within seconds', async () => {
  await using database = await testDatabase();
  const jobs = createJobs({ url: database.url, role: 'work', log });
  await jobs.start();
  const child = spawn(process.execPath, ['--input-type=module', '-e', worker, database.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await database.db
    .transaction()
    .execute((trx) => jobs.enqueue(trx, 'run-step', { accountId: 'a', runId: 'r', visit: 0 }));
  await once(child.stdout!, 'data');
  const taken: string[] = [];
  await jobs.work('run-step', 1, async ({ runId }) => void taken.push(runId));
  child.kill('SIGKILL');
  const killed = performance.now();
  await expect.poll(() => taken, { timeout: 60_000, interval: 50 }).toEqual(['r']);
  console.log(`taken over after ${((performance.now() - killed) / 1000).toFixed(1)} s`);
  await jobs.stop();
});

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sql } from 'kysely';
import { makeAccount, makeMail, publishLine } from '../../test/fixtures/automation.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import type { Db } from '../db/open.ts';
import { createJobs } from '../jobs/jobs.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { fireEmailReceived } from './fire.ts';
import { startRuns } from './run.ts';

/** Two processes' worth of workers on one database. */
let database: TestDatabase;
let db: Db;
let workers: { jobs: Jobs; runs: { stop(): void } }[];
let account: Awaited<ReturnType<typeof makeAccount>>;
const errors: string[] = [];

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  const log = { warn: () => {}, error: (fields: { err?: unknown }) => void errors.push(String(fields.err)) };
  workers = await Promise.all(
    [1, 2].map(async () => {
      const jobs = createJobs({ url: database.url, role: 'work', log });
      await jobs.start();
      return { jobs, runs: await startRuns({ db, jobs, log }) };
    }),
  );
});

afterAll(async () => {
  for (const { jobs, runs } of workers) {
    runs.stop();
    await jobs.stop();
  }
  await database[Symbol.asyncDispose]();
});

beforeEach(async () => {
  account = await makeAccount(db);
});

const jobs = () => workers[0]!.jobs;
const raise = { kind: 'change_lead_score', by: 1 };
const task = { kind: 'create_task', subject: 'Answer', assignee: 'contact_owner', due: { amount: 1, unit: 'days' } };

async function receive(times: number): Promise<void> {
  const mails = await Promise.all(
    Array.from({ length: times }, () => makeMail(db, account.accountId, account.contactId)),
  );
  await db.transaction().execute((trx) => fireEmailReceived(trx, jobs(), account.accountId, mails));
}

const runsOf = () => db.selectFrom('run').selectAll().where('account_id', '=', account.accountId).execute();
const scoreOf = async () =>
  (await db.selectFrom('contact').select('lead_score').where('id', '=', account.contactId).executeTakeFirstOrThrow())
    .lead_score;

async function allIn(state: string, count: number): Promise<void> {
  await expect.poll(async () => (await runsOf()).filter((run) => run.state === state)).toHaveLength(count);
}

test('many runs of one contact in two processes do everything once', async () => {
  await publishLine(db, jobs(), account.viewer, [raise, task, raise]);
  await receive(100);
  await allIn('ended', 100);
  expect(await scoreOf()).toBe(200);
  const tasks = await db.selectFrom('task').select('id').where('account_id', '=', account.accountId).execute();
  expect(tasks).toHaveLength(100);
});

test('a step that fails by accident is tried again, and its effect comes once', async () => {
  await publishLine(db, jobs(), account.viewer, [raise, task]);
  const name = sql.id(`refuse_${account.accountId.replaceAll('-', '')}`);
  await sql`
    create function ${name}() returns trigger language plpgsql as $$ begin
      if new.account_id = ${sql.lit(account.accountId)} then raise exception 'the disk is full'; end if;
      return new;
    end $$`.execute(db);
  await sql`create trigger ${name} before insert on task for each row execute function ${name}()`.execute(db);
  await receive(1);
  await expect.poll(() => errors.join()).toContain('the disk is full');
  expect(await runsOf()).toMatchObject([{ state: 'running', visit: 1, element_id: 'e2' }]);
  await sql`drop trigger ${name} on task`.execute(db);
  await allIn('ended', 1);
  expect(await scoreOf()).toBe(1);
});

test('a run whose job has had its last try says so, and not what the error said', async () => {
  const mapId = await publishLine(db, jobs(), account.viewer, [{ kind: 'wait', amount: 1, unit: 'hours' }, raise]);
  await receive(1);
  await allIn('waiting', 1);
  const [run] = await runsOf();
  await db
    .updateTable('run')
    .set({ due_at: new Date(Date.now() - 1000) })
    .where('map_id', '=', mapId)
    .execute();
  await db
    .transaction()
    .execute((trx) =>
      jobs().enqueue(trx, 'run-step-failed', { accountId: account.accountId, runId: run!.id, visit: run!.visit }),
    );
  await allIn('failed', 1);
  expect((await runsOf())[0]!.error).toContain('several times');
});

test('a wait ends by itself', async () => {
  await publishLine(db, jobs(), account.viewer, [{ kind: 'wait', amount: 1, unit: 'hours' }, raise]);
  await receive(1);
  await allIn('waiting', 1);
  // The clock can't be turned: the end of the wait is, in the run and in its job.
  const soon = new Date(Date.now() + 1000);
  await db.updateTable('run').set({ due_at: soon }).where('account_id', '=', account.accountId).execute();
  await sql`update jobs.job set start_after = ${soon} where data->>'accountId' = ${account.accountId} and state = 'created'`.execute(
    db,
  );
  await allIn('ended', 1);
  expect(await scoreOf()).toBe(1);
});

test('an email is answered with a task in milliseconds', async () => {
  await publishLine(db, jobs(), account.viewer, [task]);
  const times: number[] = [];
  for (let index = 1; index <= 15; index += 1) {
    await receive(1);
    const committed = performance.now();
    await allIn('ended', index);
    times.push(performance.now() - committed);
  }
  times.sort((a, b) => a - b);
  // Reported, not asserted: the machine is shared. Looked at each 20 ms.
  console.log(`firing committed to run ended: median ${times[7]!.toFixed(0)} ms, worst ${times.at(-1)!.toFixed(0)} ms`);
});

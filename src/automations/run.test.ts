import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import {
  line,
  makeAccount,
  makeContact,
  makeLabel,
  makeMail,
  makeStage,
  publishLine,
} from '../../test/fixtures/automation.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import type { Db } from '../db/open.ts';
import { createJobs } from '../jobs/jobs.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { fireEmailReceived } from './fire.ts';
import { continueRun, wakeForgottenRuns } from './run.ts';
import { editMap } from './edit-map.ts';
import { pauseMap, publishMap, resumeMap } from './publish.ts';
import { failRun, takeStep } from './step.ts';

let database: TestDatabase;
let db: Db;
let jobs: Jobs;
let account: Awaited<ReturnType<typeof makeAccount>>;

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  // No workers: the tests take the steps themselves.
  jobs = createJobs({ url: database.url, role: 'enqueue', log: { error: () => {}, warn: () => {} } });
  await jobs.start();
});

afterAll(async () => {
  await jobs.stop();
  await database[Symbol.asyncDispose]();
});

beforeEach(async () => {
  account = await makeAccount(db);
});

/** Fires the account's maps for one email, and answers the run that began. */
async function begin(contactId = account.contactId): Promise<string> {
  const mail = await makeMail(db, account.accountId, contactId);
  await db.transaction().execute((trx) => fireEmailReceived(trx, jobs, account.accountId, [mail]));
  const run = await db
    .selectFrom('run')
    .select('id')
    .where('message_id', '=', mail.messageId)
    .executeTakeFirstOrThrow();
  return run.id;
}

async function startLine(settings: object[], contactId = account.contactId) {
  await publishLine(db, jobs, account.viewer, settings);
  return await begin(contactId);
}

const go = (runId: string, visit = 0) => continueRun({ db, jobs }, { accountId: account.accountId, runId, visit });

const runOf = (runId: string) => db.selectFrom('run').selectAll().where('id', '=', runId).executeTakeFirstOrThrow();
const contactOf = () =>
  db.selectFrom('contact').selectAll().where('id', '=', account.contactId).executeTakeFirstOrThrow();
const tasksOf = () => db.selectFrom('task').selectAll().where('account_id', '=', account.accountId).execute();
const stepsOf = (runId: string) =>
  db.selectFrom('step').select(['visit', 'element_id']).where('run_id', '=', runId).orderBy('visit').execute();
const raise = (by: number) => ({ kind: 'change_lead_score', by });
const task = (due: object) => ({ kind: 'create_task', subject: 'Answer', assignee: 'contact_owner', due });

/** Moves the end of a wait into the past, as time does. */
const pass = (runId: string) =>
  db
    .updateTable('run')
    .set({ due_at: new Date(Date.now() - 1000) })
    .where('id', '=', runId)
    .execute();

/** Jobs of a run that are to come: their time. */
async function laterJobs(runId: string): Promise<Date[]> {
  const { rows } = await sql<{ at: Date }>`
    select start_after as at from jobs.job where data->>'runId' = ${runId} and start_after > now()`.execute(db);
  return rows.map(({ at }) => at);
}

test('a run does each element once, in order, and ends', async () => {
  const tagId = await makeLabel(db, 'tag', account.accountId, 'VIP');
  const segmentId = await makeLabel(db, 'segment', account.accountId, 'Warm');
  const stageId = await makeStage(db, account.accountId, 'Talking');
  const runId = await startLine([
    raise(5),
    raise(-2),
    { kind: 'add_tag', tagId },
    { kind: 'add_to_segment', segmentId },
    { kind: 'move_stage', stageId },
    task({ amount: 24, unit: 'hours' }),
    { kind: 'end' },
  ]);
  await go(runId);
  await go(runId);
  expect(await runOf(runId)).toMatchObject({ state: 'ended', visit: 7, element_id: 'e7', error: null });
  expect(await contactOf()).toMatchObject({ lead_score: 3, stage_id: stageId });
  expect(await db.selectFrom('contact_tag').select('tag_id').where('tag_id', '=', tagId).execute()).toHaveLength(1);
  expect(
    await db.selectFrom('contact_segment').select('segment_id').where('segment_id', '=', segmentId).execute(),
  ).toHaveLength(1);
  const log = await db
    .selectFrom('log_item')
    .select(['kind', 'task_id', 'detail', 'actor_id'])
    .where('account_id', '=', account.accountId)
    .orderBy('created_at')
    .execute();
  const [made] = await tasksOf();
  expect(made).toMatchObject({ subject: 'Answer', assignee_id: account.userId, state: 'pending' });
  expect(log).toEqual([
    { kind: 'stage_change', task_id: null, detail: { from: null, to: 'Talking' }, actor_id: null },
    { kind: 'task', task_id: made!.id, detail: null, actor_id: null },
  ]);
});

test('workers that race for the same job do its work once', async () => {
  const runId = await startLine([raise(1), raise(1), raise(1), task({ amount: 1, unit: 'hours' })]);
  await Promise.all([go(runId), go(runId), go(runId), go(runId)]);
  expect(await runOf(runId)).toMatchObject({ state: 'ended', visit: 4 });
  expect((await contactOf()).lead_score).toBe(3);
  expect(await tasksOf()).toHaveLength(1);
});

test('a worker that dies between the effect and the commit leaves nothing, and the next one does it', async () => {
  const runId = await startLine([raise(1), task({ amount: 1, unit: 'hours' })]);
  const dying = db.transaction().execute(async (trx) => {
    await takeStep(trx, jobs, { accountId: account.accountId, runId, visit: 0 }, true);
    throw new Error('killed');
  });
  await expect(dying).rejects.toThrow('killed');
  expect((await contactOf()).lead_score).toBe(0);
  expect(await stepsOf(runId)).toEqual([]);
  await go(runId);
  expect((await contactOf()).lead_score).toBe(1);
  expect(await tasksOf()).toHaveLength(1);
});

test('a worker that dies between two elements is followed by one that goes on where the last commit was', async () => {
  const runId = await startLine([raise(1), raise(10)]);
  await db
    .transaction()
    .execute((trx) => takeStep(trx, jobs, { accountId: account.accountId, runId, visit: 0 }, false));
  await go(runId, 0);
  expect((await contactOf()).lead_score).toBe(11);
});

test('what fails further on gets a job of its own, so that the last try says where it was', async () => {
  const runId = await startLine([raise(1), task({ amount: 1, unit: 'hours' })]);
  await sql`delete from jobs.job`.execute(db);
  await sql`alter table task add constraint refused check (false) not valid`.execute(db);
  try {
    await go(runId, 0);
    await go(runId, 0);
    const { rows } = await sql`select data from jobs.job`.execute(db);
    expect(rows).toEqual([{ data: { accountId: account.accountId, runId, visit: 1 } }]);
    await expect(go(runId, 1)).rejects.toThrow('refused');
  } finally {
    await sql`alter table task drop constraint refused`.execute(db);
  }
  await go(runId, 1);
  expect(await runOf(runId)).toMatchObject({ state: 'ended', visit: 2 });
});

test('long ways go on through the queue', async () => {
  const runId = await startLine(Array.from({ length: 50 }, () => raise(1)));
  await go(runId);
  expect(await runOf(runId)).toMatchObject({ state: 'running', visit: 20 });
  const { rows } = await sql`select data from jobs.job where data->>'runId' = ${runId} order by created_on`.execute(db);
  expect(rows.at(-1)).toEqual({ data: { accountId: account.accountId, runId, visit: 20 } });
  await go(runId, 20);
  await go(runId, 40);
  expect(await runOf(runId)).toMatchObject({ state: 'ended', visit: 50 });
});

describe('waits', () => {
  test('keep the contact until they are over, however often it is woken', async () => {
    const runId = await startLine([raise(1), { kind: 'wait', amount: 2, unit: 'hours' }, raise(10)]);
    const before = Date.now();
    await go(runId);
    const { state, due_at: due, visit } = await runOf(runId);
    expect([state, visit]).toEqual(['waiting', 1]);
    expect(Math.abs(due!.getTime() - before - 2 * 3_600_000)).toBeLessThan(60_000);
    expect(await laterJobs(runId)).toEqual([due]);
    await go(runId, 0);
    await go(runId, 1);
    expect((await contactOf()).lead_score).toBe(1);
    expect((await runOf(runId)).due_at).toEqual(due);
    await pass(runId);
    await Promise.all([go(runId, 1), go(runId, 1)]);
    expect(await runOf(runId)).toMatchObject({ state: 'ended', visit: 3 });
    expect((await contactOf()).lead_score).toBe(11);
  });

  test('of days keep the wall clock of the contact’s owner over a change of the clocks', async () => {
    account = await makeAccount(db, { account: 'Asia/Tokyo', user: 'America/New_York' });
    const runId = await startLine([{ kind: 'wait', amount: 180, unit: 'days' }]);
    await go(runId);
    const { due_at: due, since } = await runOf(runId);
    const wall = (date: Date) =>
      date.toLocaleTimeString('en-GB', { timeZone: 'America/New_York', hour: '2-digit', minute: '2-digit' });
    expect(wall(due!)).toBe(wall(since));
  });
});

describe('tasks', () => {
  test('of a contact without an owner go to the fallback user, and without one to nobody', async () => {
    const orphan = await makeContact(db, account.accountId, null);
    await go(await startLine([task({ amount: 1, unit: 'hours' })], orphan));
    expect((await tasksOf()).map((one) => one.assignee_id)).toEqual([null]);
    await db
      .updateTable('account')
      .set({ fallback_user_id: account.userId })
      .where('id', '=', account.accountId)
      .execute();
    await go(await begin(orphan));
    expect((await tasksOf()).map((one) => one.assignee_id).toSorted()).toEqual([account.userId, null].toSorted());
  });

  test('for a user who has left the account go to the fallback user', async () => {
    const left = await makeAccount(db);
    await db
      .insertInto('member')
      .values({ account_id: account.accountId, user_id: left.userId, role: 'member' })
      .execute();
    await db
      .updateTable('account')
      .set({ fallback_user_id: account.userId })
      .where('id', '=', account.accountId)
      .execute();
    const runId = await startLine([{ ...task({ amount: 1, unit: 'hours' }), assignee: { userId: left.userId } }]);
    await db.deleteFrom('member').where('user_id', '=', left.userId).execute();
    await go(runId);
    expect((await tasksOf()).map((one) => one.assignee_id)).toEqual([account.userId]);
  });
});

describe('a run fails with a sentence', () => {
  test('when its tag was deleted meanwhile, while others go on', async () => {
    const tagId = await makeLabel(db, 'tag', account.accountId, 'Doomed');
    const runId = await startLine([raise(1), { kind: 'add_tag', tagId }, raise(1)]);
    await db.deleteFrom('tag').where('id', '=', tagId).execute();
    await go(runId);
    expect(await runOf(runId)).toMatchObject({
      state: 'failed',
      visit: 1,
      element_id: 'e2',
      error: 'The tag to be added has been deleted.',
    });
    await go(runId);
    expect((await contactOf()).lead_score).toBe(1);
  });

  test('when its way leads in circles', async () => {
    const mapId = await publishLine(db, jobs, account.viewer, [raise(1)]);
    const graph = line([raise(1)]);
    graph.arrows.push({ from: 'e1', to: 'e1' });
    // No draft like this can be published.
    await db
      .updateTable('map_version')
      .set({ graph: JSON.stringify(graph) })
      .where('map_id', '=', mapId)
      .execute();
    const runId = await begin();
    for (let visit = 0; visit <= 1000; visit += 20) await go(runId, visit);
    expect(await runOf(runId)).toMatchObject({ state: 'failed', visit: 1000 });
    expect((await runOf(runId)).error).toContain('circles');
    expect((await contactOf()).lead_score).toBe(1000);
  });

  test('but not by a job that gave up long ago, in the middle of a later wait', async () => {
    const runId = await startLine([{ kind: 'wait', amount: 1, unit: 'days' }]);
    await go(runId);
    const asked = { accountId: account.accountId, runId, visit: 0 };
    await db.transaction().execute((trx) => failRun(trx, asked, 'gave up'));
    expect((await runOf(runId)).state).toBe('waiting');
  });

  test('but not by a job too many that gave up where the run had been before', async () => {
    const runId = await startLine([raise(1), raise(10)]);
    const asked = { accountId: account.accountId, runId, visit: 0 };
    await db.transaction().execute((trx) => takeStep(trx, jobs, asked, true));
    await db.transaction().execute((trx) => failRun(trx, asked, 'gave up'));
    expect(await runOf(runId)).toMatchObject({ state: 'running', visit: 1, error: null });
    await db.transaction().execute((trx) => failRun(trx, { ...asked, visit: 1 }, 'gave up'));
    expect(await runOf(runId)).toMatchObject({ state: 'failed', visit: 1, error: 'gave up' });
  });
});

test('runs stay on their version', async () => {
  const mapId = await publishLine(db, jobs, account.viewer, [raise(1)]);
  const runId = await begin();
  await editMap(db, account.viewer, mapId, { graph: line([raise(100)]) });
  await publishMap(db, jobs, account.viewer, mapId);
  await go(runId);
  expect((await contactOf()).lead_score).toBe(1);
  await go(await begin());
  expect((await contactOf()).lead_score).toBe(101);
});

test('nobody moves while a map is paused; afterwards everybody goes on', async () => {
  const mapId = await publishLine(db, jobs, account.viewer, [raise(1), { kind: 'wait', amount: 1, unit: 'hours' }]);
  const [fresh, waiting] = [await begin(), await begin()];
  await go(waiting);
  await pauseMap(db, account.viewer, mapId);
  await pass(waiting);
  await go(fresh);
  await go(waiting, 1);
  expect([(await runOf(fresh)).visit, (await runOf(waiting)).visit]).toEqual([0, 1]);
  await sql`delete from jobs.job`.execute(db);
  await resumeMap(db, jobs, account.viewer, mapId);
  const { rows } = await sql<{ runId: string }>`select data->>'runId' as "runId" from jobs.job`.execute(db);
  expect(rows.map((row) => row.runId).toSorted()).toEqual([fresh, waiting].toSorted());
  await go(fresh);
  await go(waiting, 1);
  expect([(await runOf(fresh)).state, (await runOf(waiting)).state]).toEqual(['waiting', 'ended']);
});

test('a run that no job will wake any more is found by the sweep, once an hour', async () => {
  const runId = await startLine([raise(1)]);
  await sql`delete from jobs.job`.execute(db);
  expect(await wakeForgottenRuns({ db, jobs })).toBe(0);
  await db
    .updateTable('run')
    .set({ since: new Date(Date.now() - 3_600_000) })
    .where('id', '=', runId)
    .execute();
  await wakeForgottenRuns({ db, jobs });
  await wakeForgottenRuns({ db, jobs });
  const { rows } = await sql`select data->>'runId' as id from jobs.job`.execute(db);
  expect(rows).toEqual([{ id: runId }]);
});

test('a step of another account’s run does nothing', async () => {
  const runId = await startLine([raise(1)]);
  const stranger = await makeAccount(db);
  await continueRun({ db, jobs }, { accountId: stranger.accountId, runId, visit: 0 });
  expect(await runOf(runId)).toMatchObject({ state: 'running', visit: 0 });
});

test('a contact that is deleted in mid-run takes the run along', async () => {
  const runId = await startLine([raise(1)]);
  await db.deleteFrom('contact').where('id', '=', account.contactId).execute();
  await go(runId);
  expect(await db.selectFrom('run').select('id').where('id', '=', runId).execute()).toEqual([]);
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { line, makeAccount, makeContact, makeMail, publishLine } from '../../test/fixtures/automation.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { listen } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import { createJobs } from '../jobs/jobs.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { createMap, deleteMap, editMap } from './edit-map.ts';
import { fireEmailReceived } from './fire.ts';
import type { SightingOfSender } from './fire.ts';
import { newGraph } from './map.ts';
import { pauseMap, publishMap, resumeMap } from './publish.ts';

let database: TestDatabase;
let db: Db;
let jobs: Jobs;
let account: Awaited<ReturnType<typeof makeAccount>>;
const raise = [{ kind: 'change_lead_score', by: 1 }];

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
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

const fire = (...sightings: SightingOfSender[]) =>
  db.transaction().execute((trx) => fireEmailReceived(trx, jobs, account.accountId, sightings));

async function countOf(table: 'firing' | 'run'): Promise<number> {
  const rows = await db.selectFrom(table).select('account_id').where('account_id', '=', account.accountId).execute();
  return rows.length;
}

async function jobsOf(accountId: string): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(*) from jobs.job where data->>'accountId' = ${accountId}`.execute(db);
  return Number(rows[0]!.count);
}

test('a message fires once in two mailboxes, in one page or in two', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const mail = await makeMail(db, account.accountId, account.contactId);
  expect(await fire(mail, { ...mail, sightingId: '2' })).toBe(1);
  expect(await fire({ ...mail, sightingId: '3' })).toBe(0);
  expect([await countOf('firing'), await countOf('run'), await jobsOf(account.accountId)]).toEqual([1, 1, 1]);
});

test('whoever watches is told where to look again, and nothing of the mail', async () => {
  const mapId = await publishLine(db, jobs, account.viewer, raise);
  const heard: object[] = [];
  const listener = await listen(
    database.url,
    { letterlog_change: (change) => void (change.accountId === account.accountId && heard.push(change)) },
    () => {},
  );
  try {
    const mail = await makeMail(db, account.accountId, account.contactId);
    await fire(mail);
    const { connectionId, contactId } = mail;
    await expect
      .poll(() => heard, { timeout: 30_000 })
      .toEqual([{ accountId: account.accountId, kind: 'run', mapId, contactId, connectionId }]);
  } finally {
    await listener.close();
  }
});

test('of pages that commit at the same time only one fires', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const mails = await Promise.all(Array.from({ length: 20 }, () => makeMail(db, account.accountId, account.contactId)));
  const fired = await Promise.all([fire(...mails), fire(...mails.toReversed()), fire(...mails), fire(...mails)]);
  expect(fired.reduce((sum, count) => sum + count, 0)).toBe(20);
  expect(await countOf('run')).toBe(20);
});

test('every map, contact and message fires for itself', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  await publishLine(db, jobs, account.viewer, raise);
  const other = await makeContact(db, account.accountId, null);
  const mail = await makeMail(db, account.accountId, account.contactId);
  expect(await fire(mail, { ...mail, contactId: other })).toBe(4);
  expect(await fire(await makeMail(db, account.accountId, account.contactId))).toBe(2);
});

test('only live mail fires', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const mail = await makeMail(db, account.accountId, account.contactId);
  for (const other of ['history', 'late_contact', 'late_folder', 'migrated'] as const) {
    expect(await fire({ ...mail, class: other })).toBe(0);
  }
  expect(await fire(mail)).toBe(1);
});

test('automatic replies, bounces, lists and calendar mail fire only where the trigger says so', async () => {
  const mapId = await publishLine(db, jobs, account.viewer, raise);
  const kinds = ['auto_reply', 'bounce', 'list', 'calendar'] as const;
  const mails = await Promise.all(
    kinds.map(async (kind) => ({ ...(await makeMail(db, account.accountId, account.contactId)), kind })),
  );
  expect(await fire(...mails)).toBe(0);
  const graph = newGraph();
  graph.elements[0] = { id: 'trigger', kind: 'email_received', alsoFor: ['auto_reply', 'list'] };
  await editMap(db, account.viewer, mapId, { graph });
  await publishMap(db, jobs, account.viewer, mapId);
  expect(await fire(...mails)).toBe(2);
  expect(await fire(await makeMail(db, account.accountId, account.contactId))).toBe(1);
});

test('a message of which one copy came through a list and one directly fires for the direct one', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const mail = await makeMail(db, account.accountId, account.contactId);
  const fromList = { ...mail, kind: 'list' as const };
  expect(await fire(fromList)).toBe(0);
  expect(await fire(fromList, { ...mail, sightingId: '2' })).toBe(1);
  expect(await fire(fromList)).toBe(0);
  const { sighting_id } = await db
    .selectFrom('firing')
    .select('sighting_id')
    .where('message_id', '=', mail.messageId)
    .executeTakeFirstOrThrow();
  expect(sighting_id).toBe('2');
});

test('a rolled back page leaves no firing, no run and no job', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const mail = await makeMail(db, account.accountId, account.contactId);
  const page = db.transaction().execute(async (trx) => {
    expect(await fireEmailReceived(trx, jobs, account.accountId, [mail])).toBe(1);
    throw new Error('killed');
  });
  await expect(page).rejects.toThrow('killed');
  expect([await countOf('firing'), await countOf('run'), await jobsOf(account.accountId)]).toEqual([0, 0, 0]);
  expect(await fire(mail)).toBe(1);
});

test('a contact that is being deleted fires nothing, whatever is left of it', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const other = await makeContact(db, account.accountId, null);
  const mail = await makeMail(db, account.accountId, account.contactId);
  await db.updateTable('contact').set({ deleted_at: new Date() }).where('id', '=', account.contactId).execute();
  expect(await fire(mail, { ...mail, contactId: other })).toBe(1);
  const contacts = await db.selectFrom('run').select('contact_id').where('message_id', '=', mail.messageId).execute();
  expect(contacts).toEqual([{ contact_id: other }]);
});

test('nothing fires in drafts, in other accounts, or twice after a map was deleted', async () => {
  const draft = await createMap(db, account.viewer, { name: 'Draft' });
  const stranger = await makeAccount(db);
  const mail = await makeMail(db, account.accountId, account.contactId);
  await publishLine(db, jobs, stranger.viewer, raise);
  expect(await fire(mail)).toBe(0);
  await publishMap(db, jobs, account.viewer, draft.id);
  const next = await makeMail(db, account.accountId, account.contactId);
  expect(await fire(next)).toBe(1);
  await deleteMap(db, account.viewer, draft.id);
  expect(await countOf('run')).toBe(0);
  expect(await countOf('firing')).toBe(1);
});

describe('mail from before a map listened fires nothing, even when it is seen in one more folder later:', () => {
  test('before it was published', async () => {
    const old = await makeMail(db, account.accountId, account.contactId);
    await publishLine(db, jobs, account.viewer, raise);
    expect(await fire(old)).toBe(0);
  });

  test('during a pause', async () => {
    const id = await publishLine(db, jobs, account.viewer, raise);
    const before = await makeMail(db, account.accountId, account.contactId);
    await pauseMap(db, account.viewer, id);
    const during = await makeMail(db, account.accountId, account.contactId);
    expect(await fire(during)).toBe(0);
    await resumeMap(db, jobs, account.viewer, id);
    expect(await fire(before, during)).toBe(0);
    expect(await fire(await makeMail(db, account.accountId, account.contactId))).toBe(1);
  });

  test('but a new version of a map that listens already cuts nothing off', async () => {
    const id = await publishLine(db, jobs, account.viewer, raise);
    const mail = await makeMail(db, account.accountId, account.contactId);
    const graph = newGraph();
    await editMap(db, account.viewer, id, { graph });
    expect(await publishMap(db, jobs, account.viewer, id)).toMatchObject({ version: 2, publishedGraph: graph });
    expect(await fire(mail)).toBe(1);
  });

  test('nor does one more trigger cut off what the others wait for', async () => {
    const id = await publishLine(db, jobs, account.viewer, raise);
    const mail = await makeMail(db, account.accountId, account.contactId);
    expect(await fire({ ...mail, verdict: 'fail' })).toBe(0);
    const { elements, arrows } = line(raise);
    await editMap(db, account.viewer, id, {
      graph: {
        elements: [...elements, { id: 'added', kind: 'email_received' }],
        arrows: [...arrows, { from: 'added', to: 'e1' }],
      },
    });
    await publishMap(db, jobs, account.viewer, id);
    const fired = db.selectFrom('firing').select('trigger_id').where('map_id', '=', id);
    expect(await fire({ ...mail, verdict: 'pass' })).toBe(1);
    expect(await fired.execute()).toEqual([{ trigger_id: 'trigger' }]);
    expect(await fire(await makeMail(db, account.accountId, account.contactId))).toBe(2);
  });
});

test('ten thousand senders are one statement', async () => {
  await publishLine(db, jobs, account.viewer, raise);
  const mail = await makeMail(db, account.accountId, account.contactId);
  const { rows } = await sql<{ id: string }>`
    insert into contact (account_id) select ${account.accountId} from generate_series(1, 10000) returning id`.execute(
    db,
  );
  const start = performance.now();
  expect(await fire(...rows.map(({ id }) => ({ ...mail, contactId: id })))).toBe(10_000);
  console.log(`10,000 firings: ${Math.round(performance.now() - start)} ms`);
});

test('a map deleted during a page neither fails the page nor is in its way', async () => {
  const id = await publishLine(db, jobs, account.viewer, raise);
  const mail = await makeMail(db, account.accountId, account.contactId);
  let deleting: Promise<void> | undefined;
  await db.transaction().execute(async (trx) => {
    expect(await fireEmailReceived(trx, jobs, account.accountId, [mail])).toBe(1);
    deleting = deleteMap(db, account.viewer, id);
  });
  await deleting;
  expect(await fire(mail)).toBe(0);
});

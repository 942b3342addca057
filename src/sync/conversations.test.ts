import { afterEach, beforeEach, expect, test } from 'vitest';
import { sql } from 'kysely';
import { mail } from '../../test/fixtures/mail.ts';
import { random } from '../../test/fixtures/random.ts';
import { sealer } from '../../test/fixtures/records.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { accountKey } from '../accounts/account-key.ts';
import { listConversations } from '../log/conversations.ts';
import { listLog } from '../log/query.ts';
import { threadOldMail } from '../log/thread-old-mail.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const second = 1000;
/** A whole second, as mail servers give it. */
const now = Math.floor(Date.now() / second) * second;

const database = sharedDatabase();
let rig: SyncRig;
let contactId: string;
let connection: string;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  contactId = await rig.addContact(anna);
  connection = await rig.connect(me);
});
afterEach(() => checkInvariants(database.db));

function receive(subject: string, options: { answers?: string[]; sentAt?: number; receivedAt?: number } = {}) {
  const { answers = [], sentAt = now, receivedAt = now } = options;
  rig.server.mailboxes.get(me)!.append(
    'INBOX',
    mail({
      from: anna,
      to: me,
      subject,
      messageId: `${subject}@x`,
      date: new Date(sentAt),
      headers: answers.length > 0 ? [`References: ${answers.map((id) => `<${id}@x>`).join(' ')}`] : [],
    }),
    { receivedAt: new Date(receivedAt) },
  );
}

const viewer = () => rig.viewers[0]!;

/** All of a list, a page of `limit` at a time: what each page shows. */
async function pages<T>(
  limit: number,
  list: (page: { limit: number; cursor?: string }) => Promise<{ items: T[]; nextCursor: string | null }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let cursor: string | null = null; ;) {
    const { items, nextCursor } = await list({ limit, ...(cursor === null ? {} : { cursor }) });
    all.push(...items);
    if (nextCursor === null) return all;
    expect(items).toHaveLength(limit);
    cursor = nextCursor;
  }
}
const log = (limit = 100, threadId?: string) =>
  pages(limit, (page) => listLog(rig.db, viewer(), contactId, threadId === undefined ? page : { ...page, threadId }));
const conversations = (limit = 100) => pages(limit, (page) => listConversations(rig.db, viewer(), contactId, page));
const subjectsOf = (items: { message: { subject: string } | null }[]) => items.map((item) => item.message!.subject);

/** The subjects of each conversation, sorted. */
async function threads(): Promise<string[]> {
  const byThread = Map.groupBy(await log(), (item) => item.threadId ?? item.id);
  return [...byThread.values()].map((items) => subjectsOf(items).sort().join()).sort();
}

test('messages of one second are in the order in which they were written, in every list and at every page', async () => {
  for (const [subject, later] of [
    ['third', 3],
    ['first', 1],
    ['fourth', 4],
    ['second', 2],
  ] as const) {
    const answers = subject === 'first' ? [] : ['first'];
    receive(subject, { answers, sentAt: now - 10 * second + later * second });
  }
  receive('earlier', { sentAt: now, receivedAt: now - second });
  await rig.pass(connection);
  const newestFirst = ['fourth', 'third', 'second', 'first', 'earlier'];
  expect(subjectsOf(await log())).toEqual(newestFirst);
  expect(subjectsOf(await log(1))).toEqual(newestFirst);
  expect(subjectsOf(await conversations(1))).toEqual(['fourth', 'earlier']);
  const { threadId } = (await log())[0]!;
  expect(subjectsOf(await log(2, threadId!))).toEqual(['first', 'second', 'third', 'fourth']);
});

test('the id of a conversation that has become part of another leads to it', async () => {
  receive('old');
  await rig.pass(connection);
  receive('new');
  receive('new-2', { answers: ['new'] });
  await rig.pass(connection);
  receive('newest');
  await rig.pass(connection);
  const idOf = async (subject: string) => (await log()).find((item) => item.message!.subject === subject)!.threadId!;
  const ids = [await idOf('old'), await idOf('new'), await idOf('newest')];
  expect(new Set(ids).size).toBe(3);
  receive('link', { answers: ['newest', 'new'] });
  await rig.pass(connection);
  receive('link-2', { answers: ['old', 'new'] });
  await rig.pass(connection);
  for (const id of ids)
    expect(subjectsOf(await log(2, id)).sort()).toEqual(['link', 'link-2', 'new', 'new-2', 'newest', 'old']);
  const other = await syncRig(database);
  const theirs = await other.addContact(anna);
  const reached = await listLog(other.db, other.viewers[0]!, theirs, { limit: 10, threadId: ids[1]! });
  expect(reached.items).toEqual([]);
});

test('every page of conversations shows what grouping the whole log shows', async () => {
  const source = random(18);
  for (let i = 0; i < 60; i += 1) {
    const answers = i > 0 && source.next() < 0.7 ? [`m${source.between(0, i - 1)}`] : [];
    receive(`m${i}`, {
      answers,
      receivedAt: now + source.between(0, 19) * second,
      sentAt: now + source.between(0, 4) * second,
    });
  }
  await rig.pass(connection);
  const whole = await log();
  const expected = [...Map.groupBy(whole, (item) => item.threadId).values()].map((items) => [
    items[0]!.message!.subject,
    items.length,
  ]);
  expect(expected.length).toBeGreaterThan(5);
  for (const limit of [1, 4, 100]) {
    const shown = await conversations(limit);
    expect(shown.map((item) => [item.message!.subject, item.conversation!.count])).toEqual(expected);
  }
});

/** As a database has them that was used before there were threads. */
async function forgetThreads(): Promise<void> {
  const { db, accountId } = rig;
  await db.updateTable('message').set({ thread_key: null }).where('account_id', '=', accountId).execute();
  await db.deleteFrom('thread').where('account_id', '=', accountId).execute();
  await db.updateTable('log_item').set({ sent_at: null }).where('account_id', '=', accountId).execute();
  await db.deleteFrom('threading').execute();
  await db.insertInto('threading').values({ account_id: accountId }).execute();
}
const step = () => threadOldMail(rig.db, (trx, accountId) => accountKey(trx, sealer, accountId));

test('mail from before there were conversations is put into them, with what comes meanwhile, once', async () => {
  for (let i = 0; i < 450; i += 1)
    receive(`m${i}`, { answers: i % 3 === 0 ? [] : [`m${i - (i % 3)}`], sentAt: now + i * second });
  await rig.pass(connection);
  const before = { threads: await threads(), order: subjectsOf(await log()) };
  await forgetThreads();
  expect(await threads()).toHaveLength(450);
  expect(await step()).toBe(true);
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from message where account_id = ${rig.accountId} and thread_key is not null`.execute(
    rig.db,
  );
  expect(rows[0]!.n).toBe(200);
  // Two processes, and a page that names some of it.
  receive('meanwhile', { answers: ['m0', 'm448'] });
  await Promise.all([step(), step(), rig.pass(connection)]);
  while (await step());
  const after = (await threads()).filter((subjects) => !subjects.includes('meanwhile'));
  expect(after).toEqual(before.threads.filter((subjects) => !/\bm(0|448)\b/.test(subjects)));
  expect((await threads()).find((subjects) => subjects.includes('meanwhile'))).toBe(
    'm0,m1,m2,m447,m448,m449,meanwhile'.split(',').sort().join(),
  );
  expect(subjectsOf(await log()).filter((subject) => subject !== 'meanwhile')).toEqual(before.order);
  expect(await step()).toBe(false);
});

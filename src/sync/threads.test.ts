import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { deleteContact } from '../contacts/delete.ts';
import type { Trx } from '../db/open.ts';
import { listConversations } from '../log/conversations.ts';
import { joinThreads } from '../log/join-threads.ts';
import { listLog } from '../log/query.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const colleague = 'colleague@acme.example';

const database = sharedDatabase();
let rig: SyncRig;
let contactId: string;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me);
  rig.server.mailbox(colleague);
  contactId = await rig.addContact(anna);
});
afterEach(() => checkInvariants(database.db));

const page = { limit: 100 };
let received = Date.now();
const receive = (subject: string, answers: string[] = [], options: { from?: string; address?: string } = {}) =>
  rig.server.mailboxes.get(options.address ?? me)!.append(
    'INBOX',
    mail({
      from: options.from ?? anna,
      to: options.address ?? me,
      subject,
      messageId: `${subject}@x`,
      headers: answers.length ? [`References: ${answers.map((id) => `<${id}@x>`).join('\r\n ')}`] : [],
    }),
    { receivedAt: new Date((received += 1000)) },
  );
/** The subjects of each thread, as a viewer reads them. */
async function threads(of = contactId, viewer = rig.viewers[0]!) {
  const { items } = await listLog(rig.db, viewer, of, page);
  const byId = Map.groupBy(items, (item) => item.threadId);
  return [...byId].map(([id, list]) => ({ id, subjects: list.map((item) => item.message!.subject).sort() }));
}
const subjects = async (of = contactId, viewer = rig.viewers[0]!) =>
  (await threads(of, viewer)).map((thread) => thread.subjects.join()).sort();

describe('a conversation', () => {
  test('holds what names each other, whichever comes first', async () => {
    const id = await rig.connect(me);
    receive('answer', ['question']);
    receive('other');
    await rig.pass(id);
    receive('question');
    receive('second-answer', ['question']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['answer,question,second-answer', 'other']);
  });

  test('takes in a later one when a message links both, and keeps the id of the older', async () => {
    const id = await rig.connect(me);
    receive('old');
    await rig.pass(id);
    const [old] = await threads();
    // The later one is the heavier.
    receive('new');
    receive('new-2', ['new']);
    receive('new-3', ['new', 'new-2']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['new,new-2,new-3', 'old']);
    receive('link', ['old', 'new-3']);
    await rig.pass(id);
    expect(await threads()).toEqual([{ id: old!.id, subjects: ['link', 'new', 'new-2', 'new-3', 'old'] }]);
  });

  test('is made of links inside one page as well', async () => {
    const id = await rig.connect(me);
    for (const [subject, answers] of [
      ['a', []],
      ['b', []],
      ['c', ['b']],
      ['d', ['a', 'c']],
      ['e', []],
    ] as const)
      receive(subject, [...answers]);
    await rig.pass(id);
    expect(await subjects()).toEqual(['a,b,c,d', 'e']);
  });

  test('never reaches into another account', async () => {
    const other = await syncRig(database);
    other.server.mailbox(me);
    const theirs = await other.addContact(anna);
    const [here, there] = [await rig.connect(me), await other.connect(me)];
    receive('root');
    other.server.mailboxes
      .get(me)!
      .append('INBOX', mail({ from: anna, to: me, subject: 'theirs', inReplyTo: 'root@x' }));
    await rig.pass(here);
    await other.pass(there);
    const { items } = await listLog(rig.db, other.viewers[0]!, theirs, page);
    const [mine] = await threads();
    expect(items).toHaveLength(1);
    expect(items[0]!.threadId).not.toBe(mine!.id);
    const reached = await listLog(rig.db, other.viewers[0]!, theirs, { ...page, threadId: mine!.id! });
    expect(reached.items).toEqual([]);
  });

  test('goes with its last message', async () => {
    const id = await rig.connect(me);
    receive('gone', ['before']);
    await rig.pass(id);
    await deleteContact(rig.db, rig.contactDeps, rig.accountId, contactId);
    const left = await rig.db.selectFrom('thread').select('id').where('account_id', '=', rig.accountId).execute();
    expect(left).toEqual([]);
  });
});

describe('reading by conversation', () => {
  test('shows the newest of each with who wrote and how many, page by page, and opens oldest first', async () => {
    const id = await rig.connect(me);
    receive('first');
    receive('single');
    receive('second', ['first']);
    await rig.pass(id);
    const viewer = rig.viewers[0]!;
    const newest = await listConversations(rig.db, viewer, contactId, { limit: 1 });
    const rest = await listConversations(rig.db, viewer, contactId, { limit: 1, cursor: newest.nextCursor! });
    const rows = [...newest.items, ...rest.items];
    expect(rows.map((row) => [row.message!.subject, row.conversation!.count])).toEqual([
      ['second', 2],
      ['single', 1],
    ]);
    expect(rest.nextCursor).toBeNull();
    expect(rows[0]!.conversation!.participants).toEqual([{ name: '', address: anna }]);
    const threadId = rows[0]!.threadId!;
    const opened = await listLog(rig.db, viewer, contactId, { limit: 1, threadId });
    const next = await listLog(rig.db, viewer, contactId, { limit: 1, threadId, cursor: opened.nextCursor! });
    expect([...opened.items, ...next.items].map((item) => item.message!.subject)).toEqual(['first', 'second']);
  });

  test('counts and names nothing that lies in a mailbox that the viewer may not see', async () => {
    const [mine, hidden] = [await rig.connect(me), await rig.connect(colleague, ['INBOX'], rig.viewers[1]!)];
    await rig.db.updateTable('connection').set({ sharing: 'private' }).where('id', '=', hidden).execute();
    receive('open');
    receive('secret', ['open'], { address: colleague });
    await rig.pass(mine);
    await rig.pass(hidden);
    const [seen] = (await listConversations(rig.db, rig.viewers[0]!, contactId, page)).items;
    expect([seen!.message!.subject, seen!.conversation!.count]).toEqual(['open', 1]);
    const opened = await listLog(rig.db, rig.viewers[0]!, contactId, { ...page, threadId: seen!.threadId! });
    expect(opened.items.map((item) => item.message!.subject)).toEqual(['open']);
    const [whole] = (await listConversations(rig.db, rig.viewers[1]!, contactId, page)).items;
    expect([whole!.message!.subject, whole!.conversation!.count]).toEqual(['secret', 2]);
  });

  test("gives a forged Message-ID's sender nothing of the conversation that it names", async () => {
    const outsider = 'forger@x.example';
    const theirs = await rig.addContact(outsider);
    const id = await rig.connect(me);
    receive('talk');
    receive('forged', ['talk'], { from: outsider });
    await rig.pass(id);
    expect(await subjects(theirs)).toEqual(['forged']);
    expect(await subjects()).toEqual(['talk']);
    const [row] = (await listConversations(rig.db, rig.viewers[0]!, theirs, page)).items;
    expect(row!.conversation).toMatchObject({ count: 1, participants: [{ address: outsider }] });
  });
});

describe('joining', () => {
  const hash = (name: string) => Buffer.from(name.padEnd(16));
  /** A bare message with what it names, to be put into its thread. */
  async function store(names: string[]) {
    const { rows } = await sql<{ id: string }>`
      insert into message (account_id, identity, received_at, size)
      values (${rig.accountId}, ${Buffer.from(randomUUID())}, now(), 1) returning id`.execute(rig.db);
    return { id: rows[0]!.id, references: names.map(hash) };
  }
  const threadCount = async () =>
    (
      await sql<{ n: number }>`
        select count(distinct thread_key)::int as n from message where account_id = ${rig.accountId}`.execute(rig.db)
    ).rows[0]!.n;
  const clear = () => sql`delete from message where account_id = ${rig.accountId}`.execute(rig.db);
  const clearThreads = () => sql`delete from thread where account_id = ${rig.accountId}`.execute(rig.db);
  const waiting = async () =>
    (await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(rig.db)).rows.length;

  /** Rows of messages that this database session has rewritten lately. */
  const updated = async (trx: Trx) =>
    (
      await sql<{ n: number }>`
        select n_tup_upd::int as n from pg_stat_xact_user_tables where relname = 'message'`.execute(trx)
    ).rows[0]!.n;

  afterEach(async () => {
    // Bare messages would break the invariants.
    await clear();
    await clearThreads();
  });

  test('in two transactions at the same time loses no join and ends in no deadlock', async () => {
    const old = [await store(['a']), await store(['b']), await store(['c'])];
    await rig.db.transaction().execute((trx) => joinThreads(trx, rig.accountId, old));
    const [left, right] = [await store(['a', 'b', 'new']), await store(['c', 'b', 'new'])];
    let second: Promise<unknown> | undefined;
    await rig.db.transaction().execute(async (trx) => {
      await joinThreads(trx, rig.accountId, [left]);
      second = rig.db.transaction().execute((other) => joinThreads(other, rig.accountId, [right]));
      await expect.poll(() => waiting()).toBeGreaterThan(0);
    });
    await second;
    expect(await threadCount()).toBe(1);
  });

  test('10,000 messages of one thread, the newest first, rewrites few rows', async () => {
    const count = 10_000;
    const { rows } = await sql<{ id: string }>`
      insert into message (account_id, identity, received_at, size)
      select ${rig.accountId}, decode(md5(i::text || ${rig.accountId}), 'hex'), now(), 1 from generate_series(1, ${count}) i
      returning id`.execute(rig.db);
    const name = (i: number) => hash(`m${i}`);
    // Alone first; then each one links its neighbour, from the newest to the oldest: every join meets an older, lighter thread.
    const alone = rows.slice(0, count / 2).map(({ id }, i) => ({ id, references: [name(i)] }));
    const links = rows.slice(count / 2).map(({ id }, i) => ({ id, references: [name(i), name(Math.max(0, i - 1))] }));
    await rig.db.transaction().execute((trx) => joinThreads(trx, rig.accountId, alone));
    let rewritten = 0;
    for (let end = links.length; end > 0; end -= 500) {
      const part = links.slice(end - 500, end);
      await rig.db.transaction().execute(async (trx) => {
        const before = await updated(trx);
        await joinThreads(trx, rig.accountId, part);
        rewritten += (await updated(trx)) - before;
      });
    }
    // Each link is placed once, and each lighter thread is moved once.
    expect(rewritten).toBeLessThanOrEqual(count);
    expect(await threadCount()).toBe(1);
    const oldest = await rig.db
      .selectFrom('thread')
      .select(['age', 'weight'])
      .where('account_id', '=', rig.accountId)
      .execute();
    expect(oldest).toHaveLength(1);
    // The messages, their references, and the ids of the threads that became part of it.
    expect(oldest[0]!.weight).toBe(count + count / 2 + (count / 2 - 1));
  });
});

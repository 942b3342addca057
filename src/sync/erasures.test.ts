import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { insertConnection, insertContact, insertMail, makeTeam, sealer } from '../../test/fixtures/records.ts';
import type { TestConnection } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { checkInvariants } from '../../test/invariants.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { deleteConnection } from '../connections/delete.ts';
import { deleteContact, finishDeletion } from '../contacts/delete.ts';
import { loadContact } from '../contacts/load.ts';
import { createContact } from '../contacts/save.ts';
import type { Db } from '../db/open.ts';
import { contactDeps, eraseDeps } from '../log/for-contacts.ts';
import { listLog } from '../log/query.ts';
import { finishErasures } from './finish-erasures.ts';

const grace = 'grace@navy.example';
const database = sharedDatabase();
const removed: string[] = [];
const blobs = { remove: async (_account: string, keys: readonly string[]) => void removed.push(...keys) };
const contacts = contactDeps({ sealer, blobs });
const connections = eraseDeps({ blobs });
const failed: unknown[] = [];
const log = { error: (what: unknown) => void failed.push(what) };

let db: Db;
let accountId: string;
let owner: Viewer;
let connection: TestConnection;

beforeEach(async () => {
  ({ db } = database);
  const team = await makeTeam(db);
  accountId = team.accountId;
  owner = team.viewers[0]!;
  connection = await insertConnection(db, owner);
  await sql`create table deleted (tx xid8 default pg_current_xact_id(), what text, rows int, locked boolean)`.execute(
    db,
  );
  // At the end of each statement: how many rows it deleted, and whether its transaction keeps everybody else's mail waiting.
  await sql`create function note_deleted() returns trigger language plpgsql as $$ begin
    insert into deleted (what, rows, locked) select tg_table_name, count(*), exists (
      select from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and pid = pg_backend_pid()) from gone;
    return null; end $$`.execute(db);
  for (const table of ['message', 'sighting', 'mailbox_check_difference'])
    await sql`create trigger note_deleted after delete on ${sql.table(table)} referencing old table as gone
      for each statement execute function note_deleted()`.execute(db);
});
afterEach(async () => {
  await sql`drop table deleted`.execute(db);
  await sql`drop function note_deleted cascade`.execute(db);
  await sql`drop function if exists break_off cascade`.execute(db);
  await checkInvariants(db);
});

/** Of each transaction how many rows it deleted. */
async function deletions(what: 'message' | 'sighting' | 'mailbox_check_difference') {
  const { rows } = await sql<{ rows: number; locked: boolean }>`
    select sum(rows)::int as rows, bool_or(locked) as locked from deleted where what = ${what} and rows > 0 group by tx order by tx`.execute(
    db,
  );
  return rows;
}

/** As ingest leaves them, with a log item of the contact each. */
async function insertMany(count: number, contactId: string, from = 1) {
  await sql`
    with m as (
      insert into message (account_id, identity, received_at, size, raw)
      select ${accountId}, decode(md5(n::text), 'hex'), now(), 100, 'raw-' || n from generate_series(${from}::int, ${from + count - 1}::int) n
      returning id, identity
    ), p as (
      insert into message_participant (account_id, message_id, role, position, address, address_key)
      select ${accountId}, id, 'from', 0, ${grace}, ${grace} from m
    ), s as (
      insert into sighting (account_id, connection_id, folder_id, epoch, ref, state, rule, class, identity, message_id)
      select ${accountId}, ${connection.id}, ${connection.folderId}, '1', id::text, 'logged', 'contact', 'live', identity, id from m
    )
    insert into log_item (account_id, contact_id, kind, at, message_id, direction, matched_address, matched_role, class)
    select ${accountId}, ${contactId}, 'email_sync', now(), id, 'received', ${grace}, 'from', 'live' from m`.execute(
    db,
  );
}

async function insertSkipped(count: number) {
  await sql`insert into sighting (account_id, connection_id, folder_id, epoch, ref, state, rule)
    select ${accountId}, ${connection.id}, ${connection.folderId}, '1', 'skipped-' || n, 'skipped', 'no_contact'
    from generate_series(1, ${count}::int) n`.execute(db);
}

/** What is deleted after the first so many messages fails, as if the process ended there. */
async function breakOffAfter(messages: number) {
  await sql
    .raw(
      `create function break_off() returns trigger language plpgsql as $$ begin
    if (select sum(rows) from deleted where what = 'message') > ${messages} then raise 'The database broke.'; end if;
    return null; end $$`,
    )
    .execute(db);
  // Triggers run in the order of their names.
  await sql`create trigger now_break_off after delete on message for each statement execute function break_off()`.execute(
    db,
  );
  await sql`alter trigger note_deleted on message rename to first_note_deleted`.execute(db);
}

/** As if nobody had been at it for eleven minutes. */
async function age() {
  for (const table of ['contact', 'connection'])
    await sql`update ${sql.table(table)} set deleted_at = now() - interval '11 minutes'
      where account_id = ${accountId} and deleted_at is not null`.execute(db);
}

/** In another process that syncs. */
async function finishElsewhere(parts = { contacts, connections }, end = new AbortController().signal) {
  failed.length = 0;
  await finishErasures(db, { ...parts, log }, end);
  expect(failed).toEqual([]);
}

/** Eleven minutes later, in a process that lives. */
async function finish() {
  await sql`drop function break_off cascade`.execute(db);
  await age();
  await finishElsewhere();
}

const markDeleted = async () => {
  await sql`update contact set deleted_at = now() where account_id = ${accountId}`.execute(db);
};
/** Blobs whose removal, the end of a step, does this. */
const removing = (work: (keys: readonly string[]) => Promise<void>) =>
  contactDeps({ sealer, blobs: { remove: (_account, keys) => work(keys) } });

const count = async (table: 'message' | 'log_item' | 'contact' | 'connection' | 'sighting') =>
  (await db.selectFrom(table).select('account_id').where('account_id', '=', accountId).execute()).length;

describe('an erasure keeps nobody waiting for long', () => {
  test('of a contact: a few hundred messages in each transaction', async () => {
    const { id } = await createContact(db, contacts, owner, { addresses: [grace] });
    await insertMany(1_100, id);
    await deleteContact(db, contacts, accountId, id);
    const all = await deletions('message');
    expect(all.reduce((sum, { rows }) => sum + rows, 0)).toBe(1_100);
    expect(Math.max(...all.map(({ rows }) => rows))).toBeLessThanOrEqual(500);
    expect([await count('message'), await count('contact'), await count('sighting')]).toEqual([0, 0, 1_100]);
  });

  test("of a connection: the same, and the rows of strangers' mail without the address lock", async () => {
    const { id } = await createContact(db, contacts, owner, { addresses: [grace] });
    await insertMany(1_100, id);
    await insertSkipped(11_000);
    await deleteConnection(db, connections, owner, connection.id, 'erase');
    expect(Math.max(...(await deletions('message')).map(({ rows }) => rows))).toBeLessThanOrEqual(500);
    const rows = await deletions('sighting');
    expect(rows.reduce((sum, one) => sum + one.rows, 0)).toBe(12_100);
    expect(Math.max(...rows.map((one) => one.rows))).toBeLessThanOrEqual(5_000);
    expect(rows.filter(({ locked }) => locked).reduce((sum, one) => sum + one.rows, 0)).toBe(1_100);
    expect([await count('connection'), await count('log_item'), await count('contact')]).toEqual([0, 0, 1]);
  });

  test('of a connection: what its checks found goes in steps, also what an outage names', async () => {
    const { id, folderId } = connection;
    await sql`
      with k as (
        insert into mailbox_check (account_id, connection_id, ended_at) values (${accountId}, ${id}, now()) returning id
      ), f as (
        insert into mailbox_check_folder (account_id, connection_id, check_id, folder_id) select ${accountId}, ${id}, id, ${folderId} from k
      ), o as (
        insert into outage (account_id, connection_id, after_sighting, code, message, check_id) select ${accountId}, ${id}, 0, 'internal', '', id from k
      )
      insert into mailbox_check_difference (account_id, check_id, folder_id, kind)
      select ${accountId}, id, ${folderId}, 'missing_row' from k, generate_series(1, 11000)`.execute(db);
    await deleteConnection(db, connections, owner, id, 'erase');
    expect((await deletions('mailbox_check_difference')).map(({ rows }) => rows)).toEqual([5_000, 5_000, 1_000]);
    expect(await count('connection')).toBe(0);
  });

  test('of two contacts at once: a step of one ends, with its blobs, before one of the other begins', async () => {
    const ids = [await insertContact(db, accountId), await insertContact(db, accountId)];
    await insertMany(600, ids[0]!);
    await insertMany(600, ids[1]!, 601);
    await markDeleted();
    let gone = 0;
    let most = 0;
    const counting = removing(async (keys) => {
      most = Math.max(most, 1_200 - (await count('message')) - gone);
      gone += keys.length;
    });
    await Promise.all(ids.map((id) => finishDeletion(db, counting, accountId, id)));
    expect(gone).toBe(1_200);
    expect(most).toBe(250);
  });
});

describe('an erasure that breaks off is finished by whoever comes next', () => {
  test('of a contact, who is gone for everybody from the start and may come back meanwhile', async () => {
    const { id } = await createContact(db, contacts, owner, { firstName: 'Grace', addresses: [grace] });
    await insertMany(600, id);
    await breakOffAfter(300);
    await expect(deleteContact(db, contacts, accountId, id)).rejects.toThrow('The database broke.');
    const left = await count('message');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(600);
    const gone = { code: 'not_found' };
    await expect(loadContact(db, contacts, owner, id)).rejects.toMatchObject(gone);
    await expect(listLog(db, owner, id, { limit: 5 })).rejects.toMatchObject(gone);
    await expect(deleteContact(db, contacts, accountId, id)).rejects.toMatchObject(gone);
    // What isn't erased yet is theirs at once; the rest is to be fetched.
    const again = await createContact(db, contacts, owner, { addresses: [grace] });
    await finish();
    expect([await count('contact'), await count('message'), await count('log_item')]).toEqual([1, left, left]);
    expect((await listLog(db, owner, again.id, { limit: 500 })).items).toHaveLength(left);
    const { rows } = await sql<{ due: number }>`
      select count(*)::int as due from sighting where account_id = ${accountId} and due_at is not null`.execute(db);
    expect(rows[0]!.due).toBe(600 - left);
  });

  test('of a connection; what another mailbox has come to hold meanwhile stays', async () => {
    const id = await insertContact(db, accountId);
    await insertMany(600, id);
    await insertSkipped(10);
    await breakOffAfter(300);
    await expect(deleteConnection(db, connections, owner, connection.id, 'erase')).rejects.toThrow();
    const other = await insertConnection(db, owner);
    await sql`insert into sighting (account_id, connection_id, folder_id, epoch, ref, state, rule, class, identity, message_id)
      select account_id, ${other.id}, ${other.folderId}, '1', '1', 'logged', 'contact', 'live', identity, id
      from message where account_id = ${accountId} limit 1`.execute(db);
    await finish();
    expect([await count('connection'), await count('message'), await count('log_item')]).toEqual([1, 1, 1]);
    expect(await count('sighting')).toBe(1);
  });

  test('and by one of them, who claims it', async () => {
    await insertMany(600, await insertContact(db, accountId));
    await markDeleted();
    await age();
    const erased: string[] = [];
    const noting = {
      eraseLogOf: async (...args: Parameters<typeof contacts.eraseLogOf>) => {
        erased.push(args[2]);
        await contacts.eraseLogOf(...args);
      },
    };
    const parts = { contacts: { ...contacts, ...noting }, connections };
    await Promise.all([finishElsewhere(parts), finishElsewhere(parts)]);
    expect(erased).toHaveLength(1);
    expect([await count('contact'), await count('message')]).toEqual([0, 0]);
  });

  test('but not while somebody is at it, however long', async () => {
    const id = await insertContact(db, accountId);
    await insertMany(10, id);
    await markDeleted();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let left = 0;
    const slow = removing(async () => {
      await age();
      vi.advanceTimersByTime(60_000);
      const isRenewed = async () =>
        (await sql`select from contact where id = ${id} and deleted_at > now() - interval '1 minute'`.execute(db)).rows;
      await expect.poll(isRenewed).toHaveLength(1);
      await finishElsewhere();
      left = await count('contact');
    });
    await finishDeletion(db, slow, accountId, id).finally(() => vi.useRealTimers());
    expect([left, await count('contact')]).toEqual([1, 0]);
  });

  test('and whoever is stopped ends the step and leaves the rest, without complaint', async () => {
    await insertMany(600, await insertContact(db, accountId));
    await markDeleted();
    await age();
    const end = new AbortController();
    await finishElsewhere({ contacts: removing(async () => end.abort()), connections }, end.signal);
    expect([await count('contact'), await count('message')]).toEqual([1, 350]);
    await age();
    await finishElsewhere();
    expect([await count('contact'), await count('message')]).toEqual([0, 0]);
  });

  test('and one that has only just begun is left to whoever is at it', async () => {
    const id = await insertContact(db, accountId);
    await insertMail(db, accountId, { in: [connection], contacts: [{ id, address: grace }] });
    await markDeleted();
    await finishElsewhere();
    expect(await count('contact')).toBe(1);
  });
});

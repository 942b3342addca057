import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { askForCheck } from '../connections/checks.ts';
import { deleteConnection } from '../connections/delete.ts';
import { lockContactAddresses } from '../contacts/match.ts';
import { eraseDeps } from '../log/for-contacts.ts';
import { Bell } from './bell.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';
import { Fenced } from './hold.ts';
import { OpenMailbox } from './open-mailbox.ts';
import { lockLease } from './share.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 1 });
  rig.server.mailbox(me);
  await rig.addContact(anna);
});
afterEach(() => checkInvariants(database.db));

const letter = (subject: string) => mail({ from: anna, to: me, subject, messageId: `${subject}@x` });
const deliver = (subject: string) => rig.server.mailboxes.get(me)!.append('INBOX', letter(subject));
const remove = (id: string, log: 'keep' | 'erase') =>
  deleteConnection(rig.db, eraseDeps({ blobs: rig.blobs }), rig.viewers[0]!, id, log);
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const firings = async () =>
  (await rig.db.selectFrom('firing').select('key').where('account_id', '=', rig.accountId).execute()).length;
async function opened(id: string) {
  const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
  const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
  const open = new OpenMailbox(rig.deps, hold, mailbox, new Suspects(), new Bell());
  await open.begin();
  return open;
}

describe.each(['keep', 'erase'] as const)('edge case 26: a connection that is deleted (%s the log)', (log) => {
  const before = log === 'keep' ? ['one'] : [];

  test('stops first: a page that is about to be committed, and a check, find it gone and leave nothing', async () => {
    const id = await rig.connect(me);
    deliver('one');
    await rig.pass(id);
    await askForCheck(rig.db, rig.viewers[0]!, id);
    let deleting = false;
    rig.deps.storing = async (_piece, work) => {
      if (deleting) {
        deleting = false;
        await remove(id, log);
      }
      return await work();
    };
    const open = await opened(id);
    deliver('two');
    deleting = true;
    await expect(open.work(() => false)).rejects.toThrow(Fenced);
    // The deletion broke the check off, or erased it.
    expect(await open.giveWay()).toBe(false);
    await open.close();
    expect(await subjects()).toEqual(before);
    expect(await claim(rig.deps, rig.accountId, id)).toBeNull();
    const left = await rig.db.selectFrom('connection').select(['state', 'credentials']).where('id', '=', id).execute();
    expect(left).toEqual(log === 'keep' ? [{ state: 'deleted', credentials: null }] : []);
  });

  test('fires nothing again when the mailbox is connected anew', async () => {
    const id = await rig.connect(me);
    deliver('one');
    await rig.pass(id);
    expect(await firings()).toBe(1);
    await remove(id, log);
    expect(await subjects()).toEqual(before);
    const again = await rig.connect(me);
    await rig.pass(again);
    expect(await subjects()).toEqual(before);
    // The same message comes to lie there once more.
    deliver('one');
    deliver('new');
    await rig.pass(again);
    expect(await subjects()).toEqual(['new', 'one']);
    expect(await firings()).toBe(2);
  });
});

describe('an erasure', () => {
  const state = async (id: string) =>
    (await rig.db.selectFrom('connection').select('state').where('id', '=', id).executeTakeFirst())?.state;

  test('and a loop that takes the connection over at the same time wait for each other', async () => {
    const id = await rig.connect(me);
    const { db, accountId } = rig;
    const { rows } = await sql<{ id: number }>`
      insert into sync_process (expires_at) values (now() + interval '1 hour') returning id`.execute(db);
    const processId = rows[0]!.id;
    await sql`insert into lease (account_id, connection_id, process_id) values (${accountId}, ${id}, ${processId})`.execute(
      db,
    );
    const deps = {
      ...rig.deps,
      leased: (...[trx, account, one]: Parameters<typeof rig.deps.leased>) => lockLease(trx, processId, account, one),
    };
    const waiting = (kinds: string[]) => async () =>
      (await sql`select from pg_locks where not granted and locktype = any(${kinds})`.execute(db)).rows.length;
    let erasing: Promise<void> | undefined;
    let claiming: Promise<unknown> | undefined;
    // A page of another mailbox holds the deletion up, with the connection's row in its hands.
    await db.transaction().execute(async (trx) => {
      await lockContactAddresses(trx, accountId, 'share');
      erasing = remove(id, 'erase');
      await expect.poll(waiting(['advisory'])).toBeGreaterThan(0);
      claiming = claim(deps, accountId, id);
      await expect.poll(waiting(['transactionid', 'tuple'])).toBeGreaterThan(0);
    });
    await erasing;
    expect(await claiming).toBeNull();
    expect(await state(id)).toBeUndefined();
    await sql`delete from sync_process where id = ${processId}`.execute(db);
  });

  test.each(['40P01', '40001'])('that PostgreSQL asks to repeat is repeated (%s)', async (code) => {
    const id = await rig.connect(me);
    deliver('one');
    await rig.pass(id);
    // Twice at the message, twice at the connection; what a sequence gave isn't taken back.
    await sql
      .raw(
        `create sequence tries; create function refuse() returns trigger language plpgsql as $$
         begin if nextval('tries') % 3 <> 0 then raise 'Do it again.' using errcode = '${code}'; end if; return old; end $$;
         create trigger refuse before delete on message for each row execute function refuse();
         create trigger refuse before delete on connection for each row execute function refuse()`,
      )
      .execute(rig.db);
    await remove(id, 'erase').finally(() =>
      sql.raw('drop function refuse cascade; drop sequence tries').execute(rig.db),
    );
    expect(await state(id)).toBeUndefined();
  });
});

import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import { purgeChecks, purgeVanished } from './purge.ts';

test("strangers' mail that vanished over 90 days ago leaves nothing behind, and nothing else is touched", async () => {
  await using database = await testDatabase();
  const { db } = database;
  const rig = await syncRig(database);
  rig.server.mailbox('me@acme.example');
  const id = await rig.connect('me@acme.example');
  await rig.addContact('anna@customer.example');
  for (const [from, messageId] of [
    ['stranger@x.example', 'old@x'],
    ['stranger@x.example', 'recent@x'],
    ['stranger@x.example', 'there@x'],
    ['anna@customer.example', 'contact@x'],
  ])
    rig.server.mailboxes
      .get('me@acme.example')!
      .append('INBOX', mail({ from: from!, to: 'me@acme.example', messageId }));
  await rig.pass(id);
  const rows = await db.selectFrom('sighting').select(['id', 'state']).orderBy('id').execute();
  const days = (count: number) => new Date(Date.now() - count * 86_400_000);
  const vanish = (at: number, when: Date) =>
    db.updateTable('sighting').set({ vanished_at: when }).where('id', '=', rows[at]!.id).execute();
  await vanish(0, days(91));
  await vanish(1, days(89));
  await vanish(3, days(91));

  expect(await purgeVanished(db)).toBe(1);
  const left = await db.selectFrom('sighting').select('id').orderBy('id').execute();
  expect(left.map((row) => row.id)).toEqual(rows.slice(1).map((row) => row.id));
  expect(await purgeVanished(db)).toBe(0);
});

test('checks of over 30 days ago go with what they found, but for the latest ones and those that an outage names', async () => {
  await using database = await testDatabase();
  const { db } = database;
  const rig = await syncRig(database);
  const connectionIds: string[] = [];
  for (const address of ['me@acme.example', 'quiet@acme.example']) {
    rig.server.mailbox(address);
    connectionIds.push(await rig.connect(address));
  }
  const [busy, quiet] = connectionIds as [string, string];
  const kept: string[] = [];
  const add = async (connectionId: string, daysAgo: number, keep: boolean, error: string | null = null) => {
    const { rows } = await sql<{ id: string }>`
      with made as (
        insert into mailbox_check (account_id, connection_id, asked_at, ended_at, error)
        select ${rig.accountId}, ${connectionId}, at, at, ${error} from (select now() - make_interval(days => ${daysAgo}) as at) a
        returning *
      ), folders as (
        insert into mailbox_check_folder (account_id, connection_id, check_id, folder_id)
        select m.account_id, m.connection_id, m.id, f.id from made m join folder f on f.connection_id = m.connection_id and f.ref = 'INBOX'
        returning *
      ), found as (
        insert into mailbox_check_difference (account_id, check_id, folder_id, kind)
        select account_id, check_id, folder_id, 'missing_row' from folders, generate_series(1, 3)
      )
      select id from made`.execute(db);
    if (keep) kept.push(rows[0]!.id);
    return rows[0]!.id;
  };
  await add(busy, 90, false);
  const named = await add(busy, 60, true);
  await add(busy, 31, false);
  await add(busy, 29, true);
  await add(busy, 1, true);
  await add(quiet, 80, false);
  // The latest that came to its end says how the mailbox is; the latest of all when the next one is due.
  await add(quiet, 70, true);
  await add(quiet, 50, false, 'It was paused.');
  await add(quiet, 40, true, 'It was paused.');
  await sql`
    insert into outage (account_id, connection_id, after_sighting, code, message, check_id)
    values (${rig.accountId}, ${busy}, 0, 'network', '', ${named})`.execute(db);

  expect(await purgeChecks(db)).toBe(4);
  const left = await db.selectFrom('mailbox_check').select('id').execute();
  expect(left.map(({ id }) => id).sort()).toEqual(kept.sort());
  const { rows } = await sql`select (select count(*)::int from mailbox_check_folder) as folders,
    (select count(*)::int from mailbox_check_difference) as differences`.execute(db);
  expect(rows).toEqual([{ folders: 5, differences: 15 }]);
  expect(await purgeChecks(db)).toBe(0);
});

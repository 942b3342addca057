import { expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import { purgeVanished } from './purge.ts';

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

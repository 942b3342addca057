import { sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Db, Trx } from '../db/open.ts';
import { outagesOf, listOutages } from './view-outages.ts';
import { viewConnection } from './view.ts';

const database = sharedDatabase();
afterEach(() => checkInvariants(database.db));

/** How many ledger rows PostgreSQL looked at. */
async function rowsRead(db: Db, ask: (trx: Trx) => Promise<unknown>): Promise<number> {
  return await db.transaction().execute(async (trx) => {
    // What earlier transactions of the session did may not have been taken off yet.
    const before = await soFar(trx);
    await ask(trx);
    return (await soFar(trx)) - before;
  });
}

async function soFar(trx: Trx): Promise<number> {
  const { rows } = await sql<{ read: number }>`
    select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::float8 as read
    from pg_stat_xact_user_tables where relname = 'sighting'`.execute(trx);
  return rows[0]!.read;
}

test('what open screens ask each second looks at no ledger rows, however many there are', async () => {
  const rig = await syncRig(database);
  const { db, accountId } = rig;
  const viewer = rig.viewers[0]!;
  const me = rig.server.mailbox('me@acme.example');
  const id = await rig.connect(me.address);
  await sql`insert into outage (account_id, connection_id, after_sighting, code, message, refused_at, began_at)
    values (${accountId}, ${id}, 0, 'refused', 'x', now(), now() - interval '30 days')`.execute(db);
  await rig.addContact('anna@customer.example');
  for (const from of ['anna@customer.example', 'stranger@x.example'])
    me.append('INBOX', mail({ from, to: me.address }));
  await rig.pass(id);
  await sql`
    insert into sighting (account_id, connection_id, folder_id, epoch, ref, state, rule, identity)
    select ${accountId}, ${id}, f.id, f.epoch, (1000 + n)::text, 'skipped', 'no_contact', sha256(n::text::bytea)
    from generate_series(1, 20000) n, folder f where f.connection_id = ${id} and f.ref = 'INBOX'`.execute(db);
  await sql`analyze`.execute(db);
  for (const ask of [
    (trx: Trx) => listOutages(trx, viewer),
    (trx: Trx) => outagesOf(trx, viewer, id),
    (trx: Trx) => viewConnection(trx, accountId, id),
  ])
    expect(await rowsRead(db, ask)).toBeLessThan(20);
  expect((await viewConnection(db, accountId, id)).counts).toEqual({ logged: 1, skipped: 20_001, quarantined: 0 });
  expect(await listOutages(db, viewer)).toMatchObject([{ read: 20_002, logged: 1, quarantined: 0 }]);
  await sql`delete from sighting where connection_id = ${id} and id % 2 = 0 and state = 'skipped'`.execute(db);
  await sql`update sighting set superseded_at = now() where connection_id = ${id} and id % 10 = 1 and state = 'skipped'`.execute(
    db,
  );
  await checkInvariants(db);
});

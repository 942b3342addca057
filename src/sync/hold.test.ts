import { sql } from 'kysely';
import pg from 'pg';
import { expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { storingOn } from './hold.ts';

const database = sharedDatabase();

test('a mailbox with one new message is read while imports hold all the turns that they may have', async () => {
  const rig = await syncRig(database);
  const me = rig.server.mailbox('me@acme.example');
  await rig.addContact('anna@customer.example');
  const id = await rig.connect(me.address);
  rig.deps.storing = storingOn(10);
  let imported = () => {};
  const importing = new Promise<void>((resolve) => (imported = resolve));
  const imports = ['one', 'two'].map((owner) => rig.deps.storing({ owner, bulk: true }, () => importing));
  me.append('INBOX', mail({ from: 'anna@customer.example', to: me.address, subject: 'live' }));
  await rig.pass(id);
  expect(await rig.log()).toEqual(['anna@customer.example | live | live | received']);
  imported();
  await Promise.all(imports);
});

test('what brings new messages waits for its account before it takes a database connection, a large page with the imports', async () => {
  const rig = await syncRig(database);
  const me = rig.server.mailbox('me@acme.example');
  await rig.addContact('anna@customer.example');
  const id = await rig.connect(me.address);
  const { storing } = rig.deps;
  const pieces = new Set<string>();
  rig.deps.storing = (piece, work) => {
    const owner = piece.owner === rig.accountId ? 'account' : piece.owner === id ? 'connection' : 'nobody';
    pieces.add(`${owner} ${piece.bulk ? 'bulk' : 'live'}`);
    return storing(piece, work);
  };
  const passed = async () => {
    pieces.clear();
    await rig.pass(id);
    return [...pieces].sort();
  };
  const idle = await passed();
  expect(idle).toEqual(['connection live']);
  me.append('INBOX', mail({ from: 'stranger@x.example', to: me.address }));
  expect(await passed()).toEqual(['connection live']);
  me.append('INBOX', mail({ from: 'anna@customer.example', to: me.address }));
  expect(await passed()).toEqual(['account live', 'connection live']);
  for (let number = 0; number < 100; number += 1)
    me.append('INBOX', mail({ from: 'stranger@x.example', to: me.address }));
  expect(await passed()).toEqual(['connection bulk', 'connection live']);
});

test('an account whose address lock is held for long keeps no other from its turn', async () => {
  const [held, other] = [await syncRig(database), await syncRig(database)];
  held.deps.storing = other.deps.storing = storingOn(5);
  const anna = 'anna@customer.example';
  const deliver = (rig: SyncRig, to: string) =>
    rig.server.mailboxes.get(to)!.append('INBOX', mail({ from: anna, to, subject: to }));
  const ids: string[] = [];
  for (const address of ['one@held.example', 'two@held.example', 'three@held.example']) {
    held.server.mailbox(address);
    ids.push(await held.connect(address));
    deliver(held, address);
  }
  other.server.mailbox('me@other.example');
  const mine = await other.connect('me@other.example');
  for (const rig of [held, other]) await rig.addContact(anna);
  deliver(other, 'me@other.example');
  // As lockContactAddresses() takes it, by a session that may idle.
  const holder = new pg.Client(database.url);
  await holder.connect();
  await holder.query('select pg_advisory_lock(hashtextextended($1, 0))', [`contact-addresses:${held.accountId}`]);
  const waiting = async () =>
    (await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(held.db)).rows.length;
  const theirs = Promise.all(ids.map((id) => held.pass(id)));
  try {
    // The only turn that there is.
    await expect.poll(waiting).toBe(1);
    const turn = other.pass(mine).then(() => 'had its turn');
    await expect.poll(() => Promise.race([turn, 'waits'])).toBe('had its turn');
    expect(await other.log()).toHaveLength(1);
    expect(await held.log()).toEqual([]);
  } finally {
    await holder.end();
    await theirs;
  }
  expect(await held.log()).toHaveLength(3);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { storingOn } from './hold.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

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

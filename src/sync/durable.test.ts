import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;
let id: string;

beforeEach(async () => {
  rig = await syncRig(database);
  const box = rig.server.mailbox(me);
  await rig.addContact(anna);
  id = await rig.connect(me);
  box.append('INBOX', mail({ from: anna, to: me, subject: 'one' }));
});
afterEach(() => checkInvariants(database.db));

/** Resolves once a page has fired, not committed yet. */
function fired(): Promise<void> {
  const { fire } = rig.deps;
  return new Promise((resolve) => {
    rig.deps.fire = async (...firing) => {
      await fire(...firing);
      resolve();
    };
  });
}

/** A pass whose page has been decided about while its raw message is not on the disk until onDisk(). */
async function decidedBeforeDisk(): Promise<{ pass: Promise<void>; onDisk(): void }> {
  const { promise: fsync, resolve: onDisk } = Promise.withResolvers<void>();
  rig.blobs.disk = () => fsync;
  const decided = fired();
  const pass = rig.pass(id);
  await decided;
  return { pass, onDisk };
}

test('what names a raw message is committed once that is on the disk, and decided meanwhile', async () => {
  const { pass, onDisk } = await decidedBeforeDisk();
  expect(await rig.log()).toEqual([]);
  onDisk();
  await pass;
  expect(await rig.log()).toEqual([`${anna} | one | live | received`]);
  expect(rig.blobs.kept.size).toBe(1);
});

test('a disk that takes long holds up neither changes of contacts nor the message for good', async () => {
  const { pass, onDisk } = await decidedBeforeDisk();
  // It waits for the account's address lock, which a page holds while it decides.
  await rig.addContact('ben@customer.example');
  onDisk();
  await pass;
  expect(await rig.log()).toEqual([`${anna} | one | live | received`]);
  expect(await rig.fired()).toEqual([`${anna} | one`]);
});

test('a disk that is full is told of a large message too, for which its stream is broken off', async () => {
  rig.server.mailbox(me).append('INBOX', mail({ from: anna, to: me, text: 'x'.repeat(1_200_000) }));
  rig.deps.blobs = {
    ...rig.blobs,
    async put(_account, raw) {
      for await (const _chunk of raw as Readable)
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      throw new Error('there was nothing to read');
    },
  };
  await expect(rig.pass(id)).rejects.toThrow('no space left on device');
  rig.deps.blobs = rig.blobs;
  await rig.pass(id);
  expect(await rig.log()).toHaveLength(2);
});

test('a disk that is full leaves nothing behind in the database, and the message comes when there is room', async () => {
  const decided = fired();
  rig.blobs.disk = async () => {
    await decided;
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  await expect(rig.pass(id)).rejects.toThrow('no space left on device');
  expect(await rig.ledger()).toEqual([]);
  expect(await rig.fired()).toEqual([]);
  rig.blobs.disk = async () => {};
  await rig.pass(id);
  expect(await rig.log()).toEqual([`${anna} | one | live | received`]);
  expect(await rig.fired()).toEqual([`${anna} | one`]);
});

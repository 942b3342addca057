import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeTeam } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { fileBlobs } from '../blobs/file-blobs.ts';
import { sweepBlobs } from './sweep-blobs.ts';

const database = sharedDatabase();
const running = new AbortController().signal;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'letterlog-blobs-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** As if all of it had been stored so many days ago. */
async function age(days: number) {
  const time = new Date(Date.now() - days * 86_400_000);
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(path.join(entry.parentPath, entry.name), time, time);
}

test('what no message names is removed when nobody can be about to name it any more', async () => {
  const { accountId } = await makeTeam(database.db);
  const blobs = fileBlobs(dir);
  const pack = blobs.pack(accountId);
  const packed = ['named', 'forgotten'].map((text) => pack.add(Buffer.from(text)));
  pack.end();
  await Promise.all(packed.map(({ durable }) => durable));
  const [named, forgotten] = packed.map(({ key }) => key) as [string, string];
  const { key: alone } = await blobs.put(accountId, Buffer.from('forgotten as well'));
  await database.db
    .insertInto('message')
    .values({ account_id: accountId, identity: Buffer.from('1'), received_at: new Date(), size: '5', raw: named })
    .execute();

  await age(6.9);
  await sweepBlobs(database.db, blobs, running);
  expect(await blobs.has(accountId, [named, forgotten, alone])).toBe(true);

  await age(7.1);
  await sweepBlobs(database.db, blobs, running);
  expect(await blobs.has(accountId, [named])).toBe(true);
  expect(await blobs.has(accountId, [forgotten])).toBe(false);
  expect(await blobs.has(accountId, [alone])).toBe(false);
});

test('what belongs to an account that this database does not know stays', async () => {
  const blobs = fileBlobs(dir);
  const elsewhere = '00000000-0000-4000-8000-00000000000a';
  const { key } = await blobs.put(elsewhere, Buffer.from('of another installation'));
  await age(30);
  await sweepBlobs(database.db, blobs, running);
  expect(await blobs.has(elsewhere, [key])).toBe(true);
});

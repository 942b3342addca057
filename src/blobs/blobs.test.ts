import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileBlobs } from './blobs.ts';
import type { Blobs } from './blobs.ts';

const acme = '00000000-0000-4000-8000-00000000000a';
const globex = '00000000-0000-4000-8000-00000000000b';
let dir: string;
let blobs: Blobs;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'letterlog-blobs-'));
  blobs = fileBlobs(path.join(dir, 'blobs'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const files = async () =>
  (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

test('what is stored comes back, under the hash of its bytes', async () => {
  const raw = Buffer.from('Subject: hello\r\n\r\nhi\0\xff', 'latin1');
  const { key, size } = await blobs.put(acme, raw);
  expect(key).toBe(createHash('sha256').update(raw).digest('hex'));
  expect(size).toBe(raw.length);
  expect(await buffer(await blobs.open(acme, key))).toEqual(raw);
});

test('a stream and a byte array of the same content are one blob', async () => {
  const chunks = Array.from({ length: 50 }, (_, index) => Buffer.alloc(10_000, index));
  const streamed = await blobs.put(acme, Readable.from(chunks));
  const whole = await blobs.put(acme, Buffer.concat(chunks));
  expect(streamed).toEqual(whole);
  expect(await files()).toHaveLength(1);
  expect(await buffer(await blobs.open(acme, whole.key))).toEqual(Buffer.concat(chunks));
});

test('many at once of the same content leave one whole file', async () => {
  const raw = Buffer.alloc(100_000, 7);
  const all = await Promise.all(Array.from({ length: 20 }, () => blobs.put(acme, raw)));
  expect(new Set(all.map(({ key }) => key)).size).toBe(1);
  expect(await files()).toHaveLength(1);
  expect(await buffer(await blobs.open(acme, all[0]!.key))).toEqual(raw);
});

test('a stream that breaks leaves nothing behind', async () => {
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('half');
      throw new Error('connection lost');
    })(),
  );
  await expect(blobs.put(acme, broken)).rejects.toThrow('connection lost');
  expect(await files()).toEqual([]);
});

test('an account does not reach the blob of another', async () => {
  const { key } = await blobs.put(acme, Buffer.from('x'));
  await expect(blobs.open(globex, key)).rejects.toMatchObject({ code: 'not_found' });
  await blobs.remove(globex, key);
  expect(await buffer(await blobs.open(acme, key))).toEqual(Buffer.from('x'));
});

test('removing is final and may be repeated', async () => {
  const { key } = await blobs.put(acme, Buffer.from('x'));
  await blobs.remove(acme, key);
  await blobs.remove(acme, key);
  await expect(blobs.open(acme, key)).rejects.toMatchObject({ code: 'not_found' });
});

test('a key or account that would leave the folder is refused', async () => {
  await expect(blobs.open(acme, '../../../etc/passwd')).rejects.toMatchObject({ code: 'internal' });
  await expect(blobs.put('../x', Buffer.from('x'))).rejects.toMatchObject({ code: 'internal' });
});

test('only the owner may read the files', async () => {
  await blobs.put(acme, Buffer.from('x'));
  for (const file of await files()) {
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect((await stat(path.dirname(file))).mode & 0o077).toBe(0);
  }
});

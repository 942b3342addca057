import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileBlobs } from './file-blobs.ts';
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
  await blobs.remove(globex, [key]);
  expect(await buffer(await blobs.open(acme, key))).toEqual(Buffer.from('x'));
});

test('removing is final and may be repeated', async () => {
  const { key } = await blobs.put(acme, Buffer.from('x'));
  await blobs.remove(acme, [key]);
  await blobs.remove(acme, [key]);
  await expect(blobs.open(acme, key)).rejects.toMatchObject({ code: 'not_found' });
});

const read = async (key: string, account = acme) => String(await buffer(await blobs.open(account, key)));

/** Keeps texts together, and answers their keys. */
async function keepTogether(texts: string[], account = acme): Promise<string[]> {
  const pack = blobs.pack(account);
  const added = texts.map((text) => pack.add(Buffer.from(text)));
  pack.end();
  await Promise.all(added.map(({ durable }) => durable));
  return added.map(({ key }) => key);
}

describe('messages that are kept together', () => {
  test('are one file, of which each can be read', async () => {
    const texts = ['one', '', 'three\n', 'four'.repeat(50_000)];
    const keys = await keepTogether(texts);
    expect(await files()).toHaveLength(1);
    expect(await Promise.all(keys.map((key) => read(key)))).toEqual(texts);
    expect(keys[0]).toMatch(new RegExp(`^[0-9a-f-]{36}/${createHash('sha256').update('one').digest('hex')}$`));
    expect(await blobs.has(acme, keys)).toBe(true);
  });

  test('are as many files as keep each small', async () => {
    const keys = await keepTogether(Array.from({ length: 150 }, (_, at) => `message ${at}`));
    expect(await files()).toHaveLength(3);
    expect(await read(keys[149]!)).toBe('message 149');
    await keepTogether(['x', 'y', 'z'].map((letter) => letter.repeat(1_500_000)));
    expect(await files()).toHaveLength(5);
  });

  test('are erased one by one, and their file with the last', async () => {
    const keys = await keepTogether(['keep me', 'secret of anna', 'secret of ben', 'me too']);
    await blobs.remove(acme, [keys[1]!, keys[2]!]);
    expect(String(await readFile((await files())[0]!))).not.toContain('secret');
    expect(await blobs.has(acme, [keys[0]!, keys[3]!])).toBe(true);
    expect(await blobs.has(acme, keys)).toBe(false);
    expect([await read(keys[0]!), await read(keys[3]!)]).toEqual(['keep me', 'me too']);
    await expect(blobs.open(acme, keys[1]!)).rejects.toMatchObject({ code: 'not_found' });
    await blobs.remove(acme, [keys[1]!, keys[0]!]);
    await blobs.remove(acme, [keys[3]!]);
    expect(await files()).toEqual([]);
    await blobs.remove(acme, keys);
  });

  test('are read to their end by who reads while one of them is erased', async () => {
    const [erased, kept] = await keepTogether(['first', 'last'.repeat(100_000)]);
    const reading = await blobs.open(acme, kept!);
    await blobs.remove(acme, [erased!]);
    expect(String(await buffer(reading))).toBe('last'.repeat(100_000));
  });

  test('are not reached from another account', async () => {
    const keys = await keepTogether(['x', 'y']);
    await expect(blobs.open(globex, keys[0]!)).rejects.toMatchObject({ code: 'not_found' });
    await blobs.remove(globex, keys);
    expect(await read(keys[1]!)).toBe('y');
  });

  test('that are equal stand there once, and are written as soon as others would be', async () => {
    const pack = blobs.pack(acme);
    const copies = [1, 2].map(() => pack.add(Buffer.alloc(1_500_000, 'x')));
    await Promise.all(copies.map(({ durable }) => durable));
    expect(copies[0]!.key).toBe(copies[1]!.key);
    expect((await stat((await files())[0]!)).size).toBeLessThan(1_600_000);
  });

  test('are as old as before for the sweep when one of them is erased', async () => {
    const keys = await keepTogether(['one', 'two']);
    const [file] = await files();
    const then = new Date('2026-01-02T03:04:05Z');
    await utimes(file!, then, then);
    await blobs.remove(acme, [keys[0]!]);
    expect((await stat(file!)).mtime).toEqual(then);
  });

  const damages: [string, (whole: Buffer) => Buffer][] = [
    ['is cut', (whole) => whole.subarray(0, -3)],
    ['has no index', () => Buffer.from('garbage')],
    ['is empty', () => Buffer.alloc(0)],
    ['has another index', (whole) => Buffer.concat([Buffer.from('{}'), whole.subarray(whole.indexOf('\n'))])],
    ['has sizes that are none', (whole) => Buffer.from(whole.toString().replace(',3]', ',"3"]'))],
    ['has sizes below 0', (whole) => Buffer.from(whole.toString().replace(',3]', ',-3]'))],
  ];
  test.each(damages)(
    'whose file %s are said to be damaged, and keep nothing else from being erased',
    async (_, damage) => {
      const damaged = await keepTogether(['one', 'two']);
      const [file] = await files();
      await writeFile(file!, damage(await readFile(file!)));
      const healthy = [...(await keepTogether(['three'])), ...(await keepTogether(['four']))];
      await expect(blobs.open(acme, damaged[0]!)).rejects.toMatchObject({
        code: 'not_found',
        message: expect.stringContaining('damaged') as string,
      });
      await expect(blobs.remove(acme, [damaged[0]!, ...healthy].sort())).rejects.toThrow('could not be removed');
      expect(await files()).toEqual([file]);
    },
  );

  test('that can not be written say so, and leave nothing', async () => {
    await writeFile(path.join(dir, 'blobs'), 'a file where the folder should be');
    await expect(keepTogether(['one'])).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

test('what was stored before a time is listed with its account, and drafts from before it are removed', async () => {
  const { key } = await blobs.put(acme, Buffer.from('by itself'));
  const old = [key, ...(await keepTogether(['one', 'two']))];
  const others = await keepTogether(['three'], globex);
  const drafts = path.join(dir, 'blobs', 'drafts');
  for (const name of ['left over', 'at work']) await writeFile(path.join(drafts, name), 'half a message');
  const fresh = await keepTogether(['fresh']);
  const time = new Date(Date.now() - 60_000);
  const newer = fresh[0]!.split('/')[0]!;
  for (const file of await files())
    if (!file.includes(newer) && !file.endsWith('at work')) await utimes(file, time, new Date(time.getTime() - 1));

  const listed = new Map<string, string[]>();
  for await (const { accountId, keys } of blobs.storedBefore(time))
    listed.set(accountId, [...(listed.get(accountId) ?? []), ...keys]);
  expect(listed.get(acme)?.sort()).toEqual(old.sort());
  expect(listed.get(globex)).toEqual(others);
  expect(await readdir(drafts)).toEqual(['at work']);
});

test('a key or account that would leave the folder is refused', async () => {
  await expect(blobs.open(acme, '../../../etc/passwd')).rejects.toMatchObject({ code: 'internal' });
  await expect(blobs.open(acme, `../${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'internal' });
  await expect(blobs.put('../x', Buffer.from('x'))).rejects.toMatchObject({ code: 'internal' });
  await expect(keepTogether(['x'], '../x')).rejects.toMatchObject({ code: 'internal' });
});

test('only the owner may read the files', async () => {
  await blobs.put(acme, Buffer.from('x'));
  for (const file of await files()) {
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect((await stat(path.dirname(file))).mode & 0o077).toBe(0);
  }
});

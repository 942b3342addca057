import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { AppError } from '../errors.ts';
import { createSealer, deriveKey } from './seal.ts';

const key = randomBytes(32);
const sealer = createSealer(key);

test('what was sealed opens again, and no two sealed values are equal', () => {
  const first = sealer.seal('hunter2', 'connection:a:1');
  const second = sealer.seal('hunter2', 'connection:a:1');
  expect(first.equals(second)).toBe(false);
  expect(first.includes('hunter2')).toBe(false);
  expect(sealer.open(first, 'connection:a:1').toString()).toBe('hunter2');
  expect(sealer.open(new Uint8Array(second), 'connection:a:1').toString()).toBe('hunter2');
});

test('a sealed value opens neither on another row nor under another key, nor after any change', () => {
  const sealed = sealer.seal('hunter2', 'connection:a:1');
  expect(() => sealer.open(sealed, 'connection:a:2')).toThrow(AppError);
  expect(() => createSealer(randomBytes(32)).open(sealed, 'connection:a:1')).toThrow(AppError);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    expect(() => sealer.open(changed, 'connection:a:1')).toThrow(AppError);
  }
  for (const length of [0, 1, 28]) {
    expect(() => sealer.open(sealed.subarray(0, length), 'connection:a:1')).toThrow(AppError);
  }
});

test('the error of a wrong key carries no part of the secret or the key', () => {
  const sealed = sealer.seal('hunter2', 'connection:a:1');
  try {
    createSealer(randomBytes(32)).open(sealed, 'connection:a:1');
    expect.unreachable();
  } catch (error) {
    const said = String((error as Error).stack) + JSON.stringify(error);
    for (const secret of ['hunter2', key.toString('hex'), sealed.toString('hex'), sealed.toString('base64')]) {
      expect(said).not.toContain(secret);
    }
    expect((error as AppError).code).toBe('internal');
    expect((error as AppError).cause).toBeUndefined();
  }
});

test('a key of the wrong length is refused', () => {
  expect(() => createSealer(randomBytes(16))).toThrow(AppError);
});

test('each purpose has a key of its own', () => {
  expect(deriveKey(key, 'seal').equals(deriveKey(key, 'session'))).toBe(false);
  expect(deriveKey(key, 'seal').equals(key)).toBe(false);
});

import { createHmac, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyedHash, keyedHashHex } from './hash.ts';

test('is HMAC-SHA-256, cut to 16 bytes, for keys and texts of any length', () => {
  const texts = [
    '',
    'a@b.example',
    'é€😀',
    'half of \ud83d one',
    'x'.repeat(1344),
    'é'.repeat(1344),
    '€'.repeat(1344),
    '€'.repeat(1345),
    'y'.repeat(5000),
  ];
  for (const key of [randomBytes(32), randomBytes(64), randomBytes(65), Buffer.alloc(0)]) {
    // A long one before a short one: nothing of it may be left.
    for (const text of [...texts, ...texts.toReversed()]) {
      const expected = createHmac('sha256', key).update(text).digest('hex').slice(0, 32);
      expect(keyedHashHex(key, text)).toBe(expected);
      expect(keyedHash(key, text).toString('hex')).toBe(expected);
    }
  }
});

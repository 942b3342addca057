import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressKey } from './address.ts';

describe('addressKey', () => {
  test.each([
    ['A.B+x@Exämple.org', 'a.b@xn--exmple-cua.org'],
    ['  Anna@EXAMPLE.com ', 'anna@example.com'],
    ['anna@example.com.', 'anna@example.com'],
    ['anna+news+more@example.com', 'anna@example.com'],
    ['+49301234567@example.com', '+49301234567@example.com'],
    ['"Anna"@example.com', 'anna@example.com'],
    ['"anna b+tag"@example.com', '"anna b"@example.com'],
    ['"a@b"@example.com', '"a@b"@example.com'],
    ['"a\\"b"@example.com', '"a\\"b"@example.com'],
    ['JÜRGEN@example.com', 'jürgen@example.com'],
    ['ju\u0308rgen@example.com', 'jürgen@example.com'],
    ['anna@XN--EXMPLE-CUA.org', 'anna@xn--exmple-cua.org'],
    ['anna@例え.テスト', 'anna@xn--r8jz45g.xn--zckzah'],
    ['anna@[192.0.2.1]', 'anna@[192.0.2.1]'],
    ['root@localhost', 'root@localhost'],
    ['a_b@under_score.example', 'a_b@under_score.example'],
  ])('%s is compared as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  test.each([
    '',
    'anna',
    '@example.com',
    'anna@',
    'anna@@example.com',
    'anna b@example.com',
    'anna@exa mple.com',
    'anna@example..com',
    'anna@.example.com',
    '<anna@example.com>',
    'Anna <anna@example.com>',
    'anna@example.com, bob@example.com',
    'anna\u0000@example.com',
    'anna@exa%6dple.com',
    '"anna@example.com',
    '""@example.com',
    'anna@xn--\u00e9.com',
    `${'a'.repeat(400)}@example.com`,
    'a\ud800@example.com',
  ])('%j is no address', (address) => {
    expect(addressKey(address)).toBeNull();
  });

  test('edge case 22: a key is its own key, and case never matters', () => {
    const local = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary-ascii' }), fc.emailAddress());
    const domain = fc.oneof(fc.domain(), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(local, domain, (left, right) => {
        const key = addressKey(`${left}@${right}`);
        if (key !== null) expect(addressKey(key)).toBe(key);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        expect(addressKey(address)).not.toBeNull();
        expect(addressKey(address.toUpperCase())).toBe(addressKey(address));
      }),
    );
  });
});

import fc from 'fast-check';
import { decodeWords } from 'postal-mime';
import { expect, test } from 'vitest';
import { decodeText } from './decode-text.ts';

test('gives one line', () => {
  expect(decodeText('plain text')).toBe('plain text');
  expect(decodeText(' a\t b\r\n\0c\u0007 ')).toBe('a b c');
  expect(decodeText('=?UTF-8?B?R3LDvMOfZQ==?=')).toBe('Gr\u00fc\u00dfe');
  expect(decodeText('=?utf-8?b?77u/eA==?= =?iso-8859-1?q?=FC?=')).toBe('x\u00fc');
});

test('decodes words as the decoder for all does, also those whose bytes are no text', () => {
  const word = fc
    .tuple(
      fc.constantFrom('utf-8', 'UTF-8', 'utf-8*de', 'latin1'),
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom('', '=', '?', ' ', '%'),
    )
    .map(([charset, bytes, more]) => `=?${charset}?B?${Buffer.from(bytes).toString('base64')}${more}?=`);
  fc.assert(
    fc.property(
      fc.oneof(
        word,
        fc.array(fc.oneof(word, fc.string())).map((parts) => parts.join(' ')),
      ),
      (value) => {
        const text = decodeWords(value)
          .replaceAll('\0', '')
          .replace(/[\s\p{Cc}]+/gu, ' ')
          .trim()
          .toWellFormed();
        expect(decodeText(value)).toBe(text);
      },
    ),
    { numRuns: 1000 },
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDate } from './parse-date.ts';

test.each([
  ['Mon, 23 Nov 2026 21:10:09 +0100', '2026-11-23T20:10:09.000Z'],
  ['23 Nov 2026 21:10 -0530', '2026-11-24T02:40:00.000Z'],
  ['Mon, 23 Nov 2026 21:10:09 +0100 (CET)', '2026-11-23T20:10:09.000Z'],
  ['Mon,23 Nov 2026 21:10:09 GMT', '2026-11-23T21:10:09.000Z'],
  ['Mon, 23 Nov 26 21:10:09 EST', '2026-11-24T02:10:09.000Z'],
  ['Mon, 23 Nov 99 21:10:09', '1999-11-23T21:10:09.000Z'],
  ['Mon Nov 23 21:10:09 2026', '2026-11-23T21:10:09.000Z'],
  ['Mon Nov 23 21:10:09 PST 2026', '2026-11-24T05:10:09.000Z'],
  ['2026-11-23T21:10:09.123+01:00', '2026-11-23T20:10:09.000Z'],
  ['2026-11-23 21:10:09', '2026-11-23T21:10:09.000Z'],
  ['Monday, 23-Nov-26 21:10:09 UTC', '2026-11-23T21:10:09.000Z'],
])('%s is read as %s', (text, instant) => {
  expect(parseDate(text)?.toISOString()).toBe(instant);
});

test.each([
  '',
  '1',
  'yesterday',
  'Mon, 45 Nov 2026 21:10:09 +0100',
  '23 Foo 2026 21:10:09',
  '23 Nov 2026 99:10:09',
  'Thu, 01 Jan 0001 00:00:00 +0000',
  'Fri, 31 Dec 9999 23:59:59 -0100',
])('%j is no date', (text) => {
  expect(parseDate(text)).toBeNull();
});

test('what a mail program writes is what is read', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('1970-01-01'), max: new Date('9999-01-01'), noInvalidDate: true }), (date) => {
      const seconds = Math.floor(date.getTime() / 1000) * 1000;
      expect(parseDate(date.toUTCString())?.getTime()).toBe(seconds);
    }),
  );
});

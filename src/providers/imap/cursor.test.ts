import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, compare, type ImapCursor, predates, readCursor, windowSize, writeCursor } from './cursor.ts';
import { packUids, unpackUids } from './ranges.ts';

const empty: ImapCursor = {
  v: 1,
  uidValidity: '7',
  generation: 0,
  past: [],
  uidNext: 1,
  exists: 0,
  low: 1,
  recent: [],
};

test('UIDs are packed and unpacked', () => {
  expect(packUids([1, 2, 3, 7, 9, 10])).toBe('1:3,7,9:10');
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 5000 })), (uids) => {
      const sorted = uids.sort((a, b) => a - b);
      expect(unpackUids(packUids(sorted))).toEqual(sorted);
    }),
  );
  expect(unpackUids('1:4294967295').length).toBeLessThanOrEqual(10_000);
});

test('a cursor is read as it was written, and nothing else is', () => {
  const cursor = {
    ...empty,
    uidNext: 12,
    low: 3,
    recent: [3, 4, 11],
    relist: { since: '2026-01-01T00:00:00.000Z', after: 0, below: 9 },
  };
  expect(readCursor(writeCursor(cursor))).toEqual(cursor);
  for (const text of [
    '',
    'x',
    '{}',
    '{"v":1}',
    writeCursor(cursor).replace('"uidNext":12', '"uidNext":-1'),
    writeCursor(cursor).replace('"uidValidity":"7"', '"uidValidity":"x"'),
  ])
    expect(() => readCursor(text)).toThrow('can not be read');
});

test('what could not be read again is not written', () => {
  const highest = { ...empty, uidNext: 2 ** 32, low: 2 ** 32 - 1, recent: [2 ** 32 - 1] };
  expect(readCursor(writeCursor(highest))).toEqual(highest);
  const tooLong = { ...empty, mailboxId: 'F'.repeat(300) };
  expect(readCursor(writeCursor(tooLong))).toEqual(empty);
  expect(readCursor(JSON.stringify({ ...tooLong, recent: '' }))).toEqual(empty);
  for (const wrong of [{ uidNext: 2 ** 32 + 1 }, { low: 2 ** 32 }, { uidValidity: 'undefined' }])
    expect(() => writeCursor({ ...empty, ...wrong })).toThrow('as no server may');
});

describe('whatever a folder does, page by page, with a crash after any page', () => {
  /** UIDs arrive, are shown late, and are deleted; passes are cut into pages and may stop after any of them. */
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 400 }),
        hidden: fc.boolean(),
        gap: fc.nat(3),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('reveal' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('remove' as const), every: fc.integer({ min: 2, max: 9 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        page: fc.integer({ min: 1, max: 300 }),
        stopAfter: fc.integer({ min: 1, max: 9 }),
      }),
    },
  );

  test('every message within the window is listed, and none twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const shown = new Set<number>();
        const hidden = new Set<number>();
        const listed: number[] = [];
        let next = 1;
        let cursor = empty;
        const pass = (page: number, stopAfter: number) => {
          const uids = [...shown].filter((uid) => uid >= cursor.low).sort((a, b) => a - b);
          const seen = { uids, uidNext: next, exists: shown.size };
          const { added, vanished } = compare(cursor, seen);
          for (let at = 0, pages = 0; at < added.length && pages < stopAfter; at += page, pages += 1) {
            const now = added.slice(at, at + page);
            listed.push(...now);
            cursor = readCursor(
              writeCursor(advance(cursor, seen, { listed: now, removed: vanished, next: added[at + page] ?? null })),
            );
            expect(cursor.recent.length).toBeLessThanOrEqual(2 * windowSize);
          }
        };
        /** Hidden messages that the window still reaches once they are shown. */
        const owed = new Set<number>();
        for (const entry of steps) {
          if (entry.kind === 'append')
            for (let count = 0; count < entry.count; count += 1) {
              (entry.hidden && count % 7 === 0 ? hidden : shown).add(next);
              next += 1 + entry.gap;
            }
          if (entry.kind === 'reveal')
            for (const uid of [...hidden].slice(0, Math.ceil(hidden.size * entry.share))) {
              hidden.delete(uid);
              shown.add(uid);
              if (uid >= cursor.low) owed.add(uid);
            }
          if (entry.kind === 'remove') for (const uid of [...shown]) if (uid % entry.every === 0) shown.delete(uid);
          if (entry.kind === 'pass') pass(entry.page, entry.stopAfter);
          for (const uid of shown) if (uid >= cursor.low) owed.add(uid);
        }
        pass(1000, 100);
        expect(new Set(listed).size).toBe(listed.length);
        const missed = [...owed].filter((uid) => shown.has(uid) && !listed.includes(uid));
        expect(missed).toEqual([]);
        for (const uid of shown)
          if (uid >= cursor.low) expect(predates(cursor, { epoch: '7', ref: String(uid) })).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

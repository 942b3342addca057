import { expect, test } from 'vitest';
import type { Candidate } from './candidate.ts';
import { inParts } from './parts.ts';

const naming = (people: number, size = 1000) => ({ people: Array.from({ length: people }), size }) as Candidate;

test('messages that name many share a transaction as long as they fit, and one that names more has its own', () => {
  const page = [naming(2), naming(9_000), naming(9_000), naming(9_000), naming(90_000), naming(2)];
  expect(inParts(page).map((part) => part.map(({ people }) => people.length))).toEqual([
    [2, 9_000, 9_000],
    [9_000],
    [90_000],
    [2],
  ]);
});

test('wanted bodies share a transaction as long as their bytes and their number fit', () => {
  const page = Array.from({ length: 20 }, () => naming(2, 3 * 1024 * 1024));
  expect(inParts(page).map((part) => part.length)).toEqual([20]);
  expect(inParts(page, new Set(page)).map((part) => part.length)).toEqual([10, 10]);
  expect(inParts(page, new Set(page.slice(0, 8)), 4).map((part) => part.length)).toEqual([4, 4, 12]);
});

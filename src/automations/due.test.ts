import { expect, test } from 'vitest';
import { dueAfter } from './due.ts';

const due = (start: string, amount: number, unit: 'minutes' | 'hours' | 'days', zone: string) =>
  dueAfter(new Date(start), amount, unit, zone).toISOString();

test('hours are lengths of time, whatever the clocks do', () => {
  // Berlin's clocks go forward on 2027-03-28 at 01:00 UTC.
  expect(due('2027-03-27T12:00:00Z', 24, 'hours', 'Europe/Berlin')).toBe('2027-03-28T12:00:00.000Z');
  expect(due('2027-03-27T12:00:00Z', 90, 'minutes', 'Europe/Berlin')).toBe('2027-03-27T13:30:00.000Z');
});

test('days keep the time of day where the clocks go forward and back', () => {
  expect(due('2027-03-27T12:00:00Z', 1, 'days', 'Europe/Berlin')).toBe('2027-03-28T11:00:00.000Z');
  expect(due('2026-10-24T12:00:00Z', 1, 'days', 'Europe/Berlin')).toBe('2026-10-25T13:00:00.000Z');
  expect(due('2027-03-27T12:00:00Z', 1, 'days', 'UTC')).toBe('2027-03-28T12:00:00.000Z');
});

test('a time of day that is skipped becomes the one an hour later', () => {
  // 02:30 in Berlin does not exist on 2027-03-28: 03:30 summer time.
  expect(due('2027-03-27T01:30:00Z', 1, 'days', 'Europe/Berlin')).toBe('2027-03-28T01:30:00.000Z');
});

test('a time of day that comes twice is the first one', () => {
  // 02:30 in Berlin on 2026-10-25, first in summer time.
  expect(due('2026-10-24T00:30:00Z', 1, 'days', 'Europe/Berlin')).toBe('2026-10-25T00:30:00.000Z');
});

test('half-hour changes count too', () => {
  // Lord Howe's clocks go back by half an hour on 2027-04-03 at 15:00 UTC.
  expect(due('2027-04-03T01:00:00Z', 1, 'days', 'Australia/Lord_Howe')).toBe('2027-04-04T01:30:00.000Z');
});

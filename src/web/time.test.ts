import { expect, test } from 'vitest';
import { dayNumber, fileSize, instantOf, relativeTime, wallTime } from './time.ts';

const now = Date.parse('2026-11-23T12:00:00Z');

test('times of the last week are told as people say them, older ones by their date', () => {
  expect(relativeTime('2026-11-23T11:59:40Z', 'UTC', now)).toBe('just now');
  expect(relativeTime('2026-11-23T11:55:00Z', 'UTC', now)).toBe('5 minutes ago');
  expect(relativeTime('2026-11-22T09:00:00Z', 'UTC', now)).toBe('yesterday');
  expect(relativeTime('2026-11-24T12:00:00Z', 'UTC', now)).toBe('tomorrow');
  expect(relativeTime('2026-11-01T12:00:00Z', 'UTC', now)).toMatch(/2026/);
});

test('days are those of the zone', () => {
  const late = '2026-11-23T23:30:00Z';
  expect(dayNumber(late, 'Europe/Berlin') - dayNumber(late, 'UTC')).toBe(1);
});

test('a local time means the same instant on both sides of the change of clocks', () => {
  expect(instantOf('2026-07-01T09:00', 'Europe/Berlin')).toBe('2026-07-01T07:00:00.000Z');
  expect(instantOf('2026-12-01T09:00', 'Europe/Berlin')).toBe('2026-12-01T08:00:00.000Z');
  expect(instantOf('2026-10-25T00:30', 'Europe/Berlin')).toBe('2026-10-24T22:30:00.000Z');
  expect(instantOf('2026-03-29T23:30', 'America/New_York')).toBe('2026-03-30T03:30:00.000Z');
});

test('what a form shows of an instant leads back to it', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia']) {
    expect(instantOf(wallTime('2026-06-15T18:45:00.000Z', zone), zone)).toBe('2026-06-15T18:45:00.000Z');
  }
});

test('sizes have a readable unit', () => {
  expect([fileSize(812), fileSize(4_200_000), fileSize(123_456)]).toEqual(['812 B', '4.2 MB', '123 KB']);
});

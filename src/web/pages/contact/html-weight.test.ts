import { expect, test } from 'vitest';
import { isTooHeavy } from './html-weight.ts';

test('an ordinary mail is light, however long its text is', () => {
  expect(isTooHeavy('<p>Dear Ada,<br>thank you.</p>')).toBe(false);
  expect(isTooHeavy(`<p>${'1 < 2 and 3 > 2. '.repeat(50_000)}</p>`)).toBe(false);
});

test('a thread of many replies and a long table are light, with their end tags or without', () => {
  expect(isTooHeavy('<blockquote><div>'.repeat(100) + 'Hello')).toBe(false);
  expect(isTooHeavy(`<table>${'<tr><td>1</td><td>2</td></tr>'.repeat(5000)}</table>`)).toBe(false);
  expect(isTooHeavy(`<table>${'<tr><td>1<td>2'.repeat(5000)}</table>`)).toBe(false);
  expect(isTooHeavy('<p>One<br><img src="cid:a">'.repeat(5000))).toBe(false);
});

test('elements within elements without end are too heavy', () => {
  expect(isTooHeavy('<div>'.repeat(200_000))).toBe(true);
  expect(isTooHeavy('<b><i><font>'.repeat(60_000))).toBe(true);
  expect(isTooHeavy('<table><a>'.repeat(50_000))).toBe(true);
});

test('end tags that end nothing hide no depth', () => {
  expect(isTooHeavy('<div></span>'.repeat(5000))).toBe(true);
});

test('so many elements that no browser shows them at once are too heavy', () => {
  expect(isTooHeavy('<b>x</b>'.repeat(200_000))).toBe(true);
});

test('its own cost grows with the length only', () => {
  const began = performance.now();
  for (const part of ['<', '<a', '<!--', '</', '<a b="', '<style>']) isTooHeavy(part.repeat(2_000_000 / part.length));
  expect(performance.now() - began).toBeLessThan(20_000);
});

import { expect, test } from 'vitest';
import { searchText, text, visibleText } from './text.ts';

const refused = ['a\r\nBcc: x', 'a\nb', 'a\0b', 'a\tb', 'a\u0085b', 'a\ud800', 'a\udc00\ud800'];
const allowed = ['Zoë 王 👩‍👩‍👧', 'a\u00a0b', 'a|b <c>'];

test.each(refused)('%j is no line of text', (value) => {
  for (const schema of [text(50), visibleText(50, 'Enter a name.')]) {
    expect(schema.safeParse(value).error?.issues.map(({ message }) => message)).toEqual([
      'Must be one line, without control characters.',
    ]);
  }
});

test.each(allowed)('%j is one', (value) => {
  expect(visibleText(50, 'Enter a name.').parse(value)).toBe(value);
});

test('blanks around it, line breaks among them, are taken off', () => {
  expect(text(50).parse(' Ann \r\n')).toBe('Ann');
});

test('what is searched for may be pasted from cells of a table', () => {
  expect(searchText(50).parse('Ann\tLee\n')).toBe('Ann Lee');
  expect(searchText(50).safeParse('a\ud800').success).toBe(false);
});

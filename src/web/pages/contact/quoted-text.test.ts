import { expect, test } from 'vitest';
import { splitQuoted } from './quoted-text.ts';

test('what is quoted at the end goes with the line that introduces it', () => {
  expect(splitQuoted('Yes.\n\nOn Monday, Ada wrote:\n> Will you come?\n> Ada\n')).toEqual({
    own: 'Yes.',
    quoted: 'On Monday, Ada wrote:\n> Will you come?\n> Ada',
  });
});

test('an introduction may be broken over two lines', () => {
  const { own } = splitQuoted(
    'Yes.\n\nOn Monday, 23 November 2026,\nAda Lovelace <ada@example.com> wrote:\n\n> Will you come?',
  );
  expect(own).toBe('Yes.');
});

test('an answer between quotations stays as it is', () => {
  const text = '> First?\nYes.\n> Second?\nNo.';
  expect(splitQuoted(text)).toEqual({ own: text, quoted: '' });
});

test('a mail that is nothing but a quotation is shown', () => {
  expect(splitQuoted('> Only this.').own).toBe('> Only this.');
});

test('a sentence that ends before the quotation is not taken for its introduction', () => {
  expect(splitQuoted('I agree.\n> Shall we?')).toEqual({ own: 'I agree.', quoted: '> Shall we?' });
});

import { expect, test } from 'vitest';
import { htmlToText } from './html-text.ts';

test.each([
  [`<p>one<img src="data:image/svg+xml,<svg onload='x'></svg>">two</p>`, 'onetwo'],
  [`<a title='a > b' href = "x>y">link</a>`, 'link'],
  ['<p title="never closed>one</p><p>two</p>', 'one\n\ntwo'],
  [`<p title="it's">one</p><p>it's 5" > 4"</p>`, `one\n\nit's 5" > 4"`],
  ['<p>cut <img src="x', 'cut'],
])('the text of %s', (html, text) => {
  expect(htmlToText(html)).toBe(text);
});

test.each(['<a b="', "<a b='", `<a b="'`, '<a b= ', `<a "='`, '="', '<', '<a', `<a b="> <a c='>`])(
  'a message full of %s is read as quickly as any',
  (piece) => {
    const [small, large] = [20_000, 400_000].map((length) => {
      const html = `<p>${piece.repeat(Math.ceil(length / piece.length))}`;
      const started = performance.now();
      htmlToText(html);
      return performance.now() - started;
    });
    // Twenty times the length; a reader that looks again from each place takes four hundred times as long, which is minutes.
    expect(large).toBeLessThan(2000 + 60 * small!);
  },
);

import fc from 'fast-check';
import { addressParser } from 'postal-mime';
import { expect, test } from 'vitest';
import { parseAddresses } from './parse-addresses.ts';

test.each([
  ['Bob Example <bob@test.example>', 'Bob Example', 'bob@test.example'],
  ['"Example, Bob (Sales)" <bob@test.example>', 'Example, Bob (Sales)', 'bob@test.example'],
  ["O'Neil J.<j+x@test.example>", "O'Neil J.", 'j+x@test.example'],
  ['<bob@test.example>', '', 'bob@test.example'],
  ['bob@test.example', '', 'bob@test.example'],
])('reads %s', (value, name, address) => {
  expect(parseAddresses(value)).toEqual([{ name, address }]);
});

test('reads what the parser for all reads, however unusual', () => {
  const part = fc.constantFrom(
    ...['Bob', 'J.', "O'Neil", 'a@b.example', 'c+x@d', '<e@f.example>', '<g>', '@', '"h, i"', '"j" ', '"@"', '(k)'],
    ...[',', ';', 'g:', ' ', '  ', '\t', '\\', '"', '<', '>', '\u00fc', '_', '&', '/'],
  );
  const usual = fc
    .tuple(
      fc.constantFrom('', 'Bob ', 'A B', '"x, (y)" ', '"z"'),
      fc.constantFrom('<a@b>', '<a.b+c@d-e.example>', '<a>'),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      fc.oneof(
        usual,
        fc.array(part, { maxLength: 6 }).map((parts) => parts.join('')),
      ),
      (value) => {
        const expected = addressParser(value.trim(), { flatten: true }).filter(({ address }) => address);
        const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();
        expect(parseAddresses(value.trim())).toEqual(
          expected.map(({ name, address }) => ({ name: oneLine(name), address: oneLine(address!) })),
        );
      },
    ),
    { numRuns: 3000 },
  );
});

test('reads long lists entry by entry as it reads short ones', () => {
  const list = [
    'Bob Example <bob@test.example>',
    '"Example, Bob; \\"B\\": (Sales)" <bob@test.example>',
    'Team: a@b.example, "x:y" <c@d.example> (of: us, them);',
    '<a,b@c.example>',
    'Nobody:;',
    'carl@test.example (Carl)',
    '=?utf-8?q?M=C3=BCller?= <m@test.example>',
  ];
  const short = list.flatMap((value) => parseAddresses(value));
  expect(short).toHaveLength(7);
  const times = Array.from({ length: 100 }, () => list).flat();
  expect(parseAddresses(times.join(', '))).toEqual(Array.from({ length: 100 }, () => short).flat());
});

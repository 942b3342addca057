import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAuthenticationResults } from './authentication-results.ts';

const read = (value: string) => {
  const parsed = parseAuthenticationResults(value);
  return (
    parsed && {
      by: parsed.authservId,
      results: parsed.results.map(({ method, result, properties }) =>
        [`${method}=${result}`, ...[...properties].map(([name, one]) => `${name}=${one}`)].join(' '),
      ),
    }
  );
};

describe('parseAuthenticationResults', () => {
  test.each([
    ['no result', 'example.org 1; none', 'example.org', []],
    [
      'a name and a version',
      'Example.Com 1;\tspf=pass smtp.mailfrom=a.example',
      'example.com',
      ['spf=pass smtp.mailfrom=a.example'],
    ],
    [
      'several results, comments and properties in several parts (RFC 8601, appendix B)',
      "foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't expecting it) 1362471462",
      'foo.example.net',
      ['dkim=fail policy.expired=1362471462'],
    ],
    ['a quoted name', '"mx.example.org"; spf=none', 'mx.example.org', ['spf=none']],
    [
      'a reason and quoted values with separators in them',
      'mx.example; dkim=fail reason="bad; very (bad)" header.d="a.example"; spf=pass smtp.mailfrom="SRS0=x=y=a.example=me@b.example"',
      'mx.example',
      ['dkim=fail reason=bad; very (bad) header.d=a.example', 'spf=pass smtp.mailfrom=SRS0=x=y=a.example=me@b.example'],
    ],
    [
      'values with equals signs that nobody quoted',
      'mx.example; dkim=pass header.i=@a.example header.b=Xk3p==; spf=pass smtp.mailfrom=SRS0=x=a.example@b.example',
      'mx.example',
      ['dkim=pass header.i=@a.example header.b=Xk3p==', 'spf=pass smtp.mailfrom=SRS0=x=a.example@b.example'],
    ],
    [
      'a comment that touches the result',
      'mx.example; dmarc=pass(p=REJECT) header.from=a.example;',
      'mx.example',
      ['dmarc=pass header.from=a.example'],
    ],
    [
      'nested comments',
      'mx.example; spf=pass (a (b \\) c) d) smtp.mailfrom=a.example',
      'mx.example',
      ['spf=pass smtp.mailfrom=a.example'],
    ],
    [
      'Microsoft, who names nobody',
      'spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=none (message not signed) header.d=none;dmarc=bestguesspass action=none header.from=a.example;compauth=pass reason=109',
      null,
      [
        'spf=pass smtp.mailfrom=a.example',
        'dkim=none header.d=none',
        'dmarc=bestguesspass action=none header.from=a.example',
        'compauth=pass reason=109',
      ],
    ],
    [
      'the first of two properties with one name',
      'mx.example; dmarc=pass header.from=a.example header.from=b.example',
      'mx.example',
      ['dmarc=pass header.from=a.example'],
    ],
  ])('reads %s', (_, value, by, results) => {
    expect(read(value)).toEqual({ by, results });
  });

  test.each([
    ['nothing', ''],
    ['only spaces', '   '],
    ['a comment without end', 'mx.example; dmarc=pass (p=none header.from=a.example'],
    ['a quote without end', 'mx.example; dmarc=pass reason="x header.from=a.example'],
    ['more than any server writes', `mx.example; ${'dkim=pass; '.repeat(5000)}`],
  ])('believes nothing of %s', (_, value) => {
    expect(parseAuthenticationResults(value)).toBeNull();
  });

  test('never throws', () => {
    const piece = fc.constantFrom(
      'mx.example',
      ';',
      '=',
      '(',
      ')',
      '"',
      '\\',
      ' ',
      'dmarc',
      'pass',
      '.',
      '@',
      '\t',
      'ü',
      '__proto__',
    );
    fc.assert(
      fc.property(
        fc.array(piece).map((all) => all.join('')),
        (value) => void parseAuthenticationResults(value),
      ),
      { numRuns: 2000 },
    );
  });

  test('hostile nesting and repetition take no time', () => {
    for (const part of ['(', '"', '\\', '= ', 'a=', ';', '()', '"\\'])
      parseAuthenticationResults(part.repeat(8192 / part.length));
  });
});

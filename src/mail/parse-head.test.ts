import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headFields, parseHead } from './parse-head.ts';

const head = (...lines: string[]) => parseHead(Buffer.from([...lines, '', 'Subject: not this one'].join('\r\n')));

describe('parseHead', () => {
  test('reads a usual head', () => {
    expect(
      head(
        'Received: from b by c; Mon, 23 Nov 2026 21:10:11 +0100',
        'Received: from a by b; Mon, 23 Nov 2026 21:00:00 +0100',
        'From: "Doe, John" <john@example.com>',
        'To: Bob <bob@test.example>,',
        ' =?utf-8?Q?J=C3=BCrgen?= <j@m.example>',
        'Cc: alice@test.example',
        'Subject: =?utf-8?B?UmU6IFfDuHJk?=',
        '\t =?utf-8?B?IG9m?= the day',
        'Date: Mon, 23 Nov 2026 21:10:09 +0100',
        'Message-ID: <abc@example.com>',
        'In-Reply-To: <x@y>',
        'References: <a@b>\r\n <x@y>',
      ),
    ).toEqual({
      messageId: 'abc@example.com',
      date: new Date('2026-11-23T20:10:09Z'),
      subject: 'Re: Wørd of the day',
      from: [{ name: 'Doe, John', address: 'john@example.com' }],
      to: [
        { name: 'Bob', address: 'bob@test.example' },
        { name: 'Jürgen', address: 'j@m.example' },
      ],
      cc: [{ name: '', address: 'alice@test.example' }],
      bcc: [],
      replyTo: [],
      inReplyTo: 'x@y',
      references: ['a@b', 'x@y'],
      receivedDate: new Date('2026-11-23T20:10:11Z'),
      list: false,
      trace: [
        { name: 'received', folded: ' from b by c; Mon, 23 Nov 2026 21:10:11 +0100\r' },
        { name: 'received', folded: ' from a by b; Mon, 23 Nov 2026 21:00:00 +0100\r' },
      ],
    });
  });

  test('an empty head has nothing in it', () => {
    expect(parseHead(new Uint8Array())).toEqual({
      messageId: null,
      date: null,
      subject: '',
      from: [],
      to: [],
      cc: [],
      bcc: [],
      replyTo: [],
      inReplyTo: null,
      references: [],
      receivedDate: null,
      list: false,
      trace: [],
    });
  });

  test('edge case 22: takes the members of groups and every From', () => {
    const { from, to } = head(
      'From: a@x.example, "B" <b@x.example>',
      'To: Team: c@x.example, D <d@x.example>;, e@x.example',
      'To: undisclosed-recipients:;',
    );
    expect(from.map((entry) => entry.address)).toEqual(['a@x.example', 'b@x.example']);
    expect(to.map((entry) => entry.address)).toEqual(['c@x.example', 'd@x.example', 'e@x.example']);
  });

  test('edge case 22: an address inside a quoted name is no address', () => {
    expect(head('From: "boss@corp.example" <crook@evil.example>').from).toEqual([
      { name: 'boss@corp.example', address: 'crook@evil.example' },
    ]);
  });

  test('reads raw UTF-8 and raw Windows-1252', () => {
    expect(head('Subject: Größe').subject).toBe('Größe');
    expect(parseHead(Buffer.from('Subject: Gr\xf6\xdfe \x80\r\n\r\n', 'latin1')).subject).toBe('Größe €');
  });

  test('leaves out what PostgreSQL refuses', () => {
    const { subject, messageId, from } = head(
      'Subject: a\0b =?utf-8?B?YwBk?= =?utf-16?B?ANg=?=',
      'Message-ID: <a\0b@x>',
      'From: =?utf-8?B?YwBk?= <e\0@x.example>',
    );
    expect(subject.startsWith('ab cd')).toBe(true);
    expect(subject.isWellFormed()).toBe(true);
    expect(messageId).toBe('ab@x');
    expect(from).toEqual([{ name: 'cd', address: 'e@x.example' }]);
  });

  test('gets by with missing brackets, folded ids, lines that are no fields, and bare line feeds', () => {
    expect(head('Message-ID: abc@x (comment)').messageId).toBe('abc@x');
    expect(head('Message-ID:', ' <abc', ' def@x>').messageId).toBe('abcdef@x');
    expect(head('From someone Mon Nov 23', 'garbage', 'subject : hi').subject).toBe('hi');
    expect(parseHead(Buffer.from('Subject: hi\nTo: a@x\n\nSubject: no')).to).toHaveLength(1);
    expect(head('Message-ID: <>').messageId).toBeNull();
  });

  test('keeps two overlong ids apart, and 100 references', () => {
    const long = 'x'.repeat(5000);
    const [one, two] = ['1', '2'].map((end) => head(`Message-ID: <${long}${end}>`).messageId);
    expect(one).toHaveLength(998);
    expect(one).not.toBe(two);
    const { references } = head(`References: ${Array.from({ length: 5000 }, (_, i) => `<${i}@x>`).join(' ')}`);
    expect(references).toHaveLength(100);
    expect([references[0], references[99]]).toEqual(['0@x', '4999@x']);
  });

  test('10,000 recipients are no trouble', () => {
    const to = Array.from({ length: 10_000 }, (_, i) => `"Person, ${i}" <p${i}@example.com>`).join(',\r\n ');
    expect(head(`To: ${to}`).to[9999]).toEqual({ name: 'Person, 9999', address: 'p9999@example.com' });
  });

  test('the chosen fields alone give the same head as all of it', () => {
    const value = fc.oneof(
      fc.constantFrom(
        'a@x.example',
        '"B, c" <b@x>',
        'g: a@x, b@x;',
        '<id@x>',
        'Mon, 1 Jan 2024 10:00:00 +0000',
        '=?utf-8?q?=C3=BC?=',
      ),
      fc.string().map((text) => text.replace(/[\r\n]/g, '')),
      fc.tuple(fc.string(), fc.string()).map((parts) => parts.map((part) => part.replace(/[\r\n]/g, '')).join('\r\n ')),
    );
    const field = fc.tuple(fc.constantFrom(...headFields, 'X-Other', 'Content-Type', 'Sender'), value);
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const bytes = (list: typeof fields) =>
          Buffer.from([...list.map(([name, text]) => `${name}: ${text}`), '', ''].join('\r\n'));
        const chosen = fields.filter(([name]) => headFields.includes(name));
        expect(parseHead(bytes(fields))).toEqual(parseHead(bytes(chosen)));
      }),
    );
  });

  test('edge case 24: never throws, and gives only well-formed text without NUL', () => {
    const line = fc.tuple(fc.constantFrom(...headFields), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(fc.array(line), fc.uint8Array({ maxLength: 200 }), (lines, garbage) => {
        const raw = Buffer.concat([
          ...lines.flatMap(([name, text]) => [Buffer.from(`${name}: `), text, Buffer.from('\r\n')]),
          garbage,
        ]);
        // The trace is kept as it stands, and nowhere stored.
        const { trace: _, ...head } = parseHead(raw);
        const text = JSON.stringify(head);
        expect(text).not.toContain('\\u0000');
        expect(text).not.toMatch(/\\ud[89a-f]/);
      }),
      { numRuns: 1000 },
    );
  });
});

import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMessage } from './parse-message.ts';

const parse = (raw: string | Buffer) => parseMessage(Buffer.from(raw));
const lines = (...text: string[]) => text.join('\r\n');
const mixed = (...parts: string[]) =>
  lines(
    'From: a@x.example',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    ...parts.flatMap((part) => ['--b', part]),
    '--b--',
    '',
  );

describe('parseMessage', () => {
  test('reads text, HTML, attachments and inline images', async () => {
    const message = await parse(
      mixed(
        lines(
          'Content-Type: multipart/related; boundary=r',
          '',
          '--r',
          'Content-Type: multipart/alternative; boundary=a',
          '',
          '--a',
          'Content-Type: text/plain; charset=iso-8859-1',
          'Content-Transfer-Encoding: quoted-printable',
          '',
          'Gr=F6=DFe',
          '--a',
          'Content-Type: text/html; charset=utf-8',
          '',
          '<p>Größe <img src="cid:i@x"></p>',
          '--a--',
          '--r',
          'Content-Type: image/png',
          'Content-ID: <i@x>',
          'Content-Transfer-Encoding: base64',
          '',
          Buffer.alloc(1000, 7).toString('base64'),
          '--r--',
        ),
        lines(
          'Content-Type: application/pdf; name="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="',
          'Content-Disposition: attachment',
          '',
          'abc',
        ),
        lines('Content-Type: message/rfc822', '', 'Subject: inner', '', 'inner text'),
      ),
    );
    expect(message).toMatchObject({ text: 'Größe', defects: [] });
    expect(message.html).toContain('<img src="cid:i@x">');
    expect(message.attachments).toEqual([
      {
        part: '1.2',
        filename: 'attachment-1.2.png',
        contentType: 'image/png',
        size: 1000,
        contentId: 'i@x',
        inline: true,
      },
      { part: '2', filename: 'Größe.pdf', contentType: 'application/pdf', size: 3, contentId: null, inline: false },
      {
        part: '3',
        filename: 'message-3.eml',
        contentType: 'message/rfc822',
        size: 'Subject: inner\r\n\r\ninner text'.length,
        contentId: null,
        inline: false,
      },
    ]);
    expect(message.headers).toEqual([
      ['From', 'a@x.example'],
      ['Content-Type', 'multipart/mixed; boundary=b'],
    ]);
  });

  test('a text file is an attachment, and HTML alone gives the text too', async () => {
    const file = lines('Content-Type: text/plain; name=notes.txt', 'Content-Disposition: inline', '', 'file');
    const message = await parse(
      mixed(lines('Content-Type: text/html', '', '<style>x</style><p>One</p>two &amp; three'), file),
    );
    expect(message.text).toBe('One\ntwo & three');
    expect(message.attachments.map((entry) => entry.filename)).toEqual(['notes.txt']);
  });

  test('where a message mixes text and HTML, each is whole', async () => {
    const message = await parse(
      mixed(
        lines(
          'Content-Type: multipart/alternative; boundary=a',
          '',
          '--a',
          '',
          'One & two',
          '--a',
          'Content-Type: text/html',
          '',
          '<b>One</b>',
          '--a--',
        ),
        lines('Content-Type: text/plain', '', 'List <footer>'),
      ),
    );
    expect(message.text).toBe('One & two\nList <footer>');
    expect(message.html).toBe('<b>One</b>\n<div>List &#60;footer&#62;</div>');
  });

  test.each([
    ['padded base64 in units', 'base64', 'T25l\r\nIA==\r\ndHdvIHTDvA==', 'One two tü'],
    ['quoted-printable with soft breaks', 'quoted-printable', 'One=\r\n two= \r\n t=C3=BC', 'One two tü'],
    ['quoted-printable that is none', 'quoted-printable', '1=2, a=zz =', '1=2, a=zz'],
    ['an unknown encoding', 'x-uuencode', 'as it is', 'as it is'],
  ])('reads %s', async (_name, encoding, body, text) => {
    const head = ['Content-Type: text/plain; charset=utf-8', `Content-Transfer-Encoding: ${encoding}`];
    expect((await parse(lines(...head, '', body))).text).toBe(text);
  });

  test.each([
    ['iso-8859-1', 'Gr\xf6\xdfe', 'Größe'],
    ['us-ascii', 'Gr\xc3\xb6\xc3\x9fe', 'Größe'],
    ['', 'Gr\xf6\xdfe', 'Größe'],
    ['no-such-charset', 'Gr\xc3\xb6\xc3\x9fe', 'Größe'],
    ['utf-16le', 'G\0r\0\xf6\0', 'Grö'],
    ['iso-2022-jp', '\x1b$B8+@Q\x1b(B', '見積'],
  ])('edge case 24: reads text in the charset “%s”', async (charset, body, text) => {
    const head = charset && `Content-Type: text/plain; charset=${charset}`;
    expect((await parse(Buffer.from(`From: a@x\r\n${head && `${head}\r\n`}\r\n${body}`, 'latin1'))).text).toBe(text);
  });

  test('joins what format=flowed has wrapped', async () => {
    const body = ['Yes, ', 'tomorrow. ', 'At ten?', '> Shall ', '> we meet?', ' > no quote', '-- ', 'Anna'];
    const read = async (more: string) =>
      (await parse(lines(`Content-Type: text/plain; format=flowed${more}`, '', ...body))).text.split('\n');
    expect(await read('')).toEqual(['Yes, tomorrow. At ten?', '> Shall we meet?', '> no quote', '-- ', 'Anna']);
    expect(await read('; delsp=yes')).toEqual(['Yes,tomorrow.At ten?', '> Shallwe meet?', '> no quote', '-- ', 'Anna']);
  });

  test('the snippet leaves out what is quoted', async () => {
    const text = lines('Yes, tomorrow.', '', 'On Mon, 23 Nov 2026, Anna wrote:', '> Shall we meet?', '> Anna');
    expect((await parse(`From: a@x\r\n\r\n${text}`)).snippet).toBe('Yes, tomorrow.');
    expect((await parse('From: a@x\r\n\r\n> only a quote')).snippet).toBe('only a quote');
    expect((await parse(`From: a@x\r\n\r\n${'word '.repeat(100)}`)).snippet).toMatch(/^(word )+word…$/);
    expect(
      (await parse(`From: a@x\r\nContent-Type: text/html\r\n\r\n<p>New</p><blockquote><p>Old</p></blockquote>`))
        .snippet,
    ).toBe('New');
  });

  test('the head is the same as the head alone gives', async () => {
    const recipients = Array.from({ length: 10_000 }, (_, index) => `p${index}@x.example`).join(',\r\n ');
    const { head } = await parse(`From: a@x\r\nTo: ${recipients}\r\nSubject: hi\r\n\r\nSubject: not this`);
    expect(head.to).toHaveLength(10_000);
    expect(head.subject).toBe('hi');
  });

  test('edge case 24: names of attachments can not lead out of a folder', async () => {
    const names = ['../../etc/passwd', 'C:\\temp\\a.exe', '..', 'a\r\nb.txt', 'x\u202egpj.exe'];
    for (const name of names) {
      const encoded = `=?utf-8?B?${Buffer.from(name).toString('base64')}?=`;
      const { attachments } = await parse(mixed(lines(`Content-Type: application/x-a; name="${encoded}"`, '', 'x')));
      expect(attachments[0]?.filename).toMatch(/^[^/\\\r\n]+$/);
      expect(attachments[0]?.filename).not.toMatch(/^\./);
    }
  });

  describe('says what is wrong with', () => {
    test('edge case 24: a bomb of nested parts', async () => {
      const open = Array.from(
        { length: 500 },
        (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
      );
      const message = await parse(`From: a@x\r\n${open.join('')}\r\nhello`);
      expect(message.defects.join()).toContain('nested more than 100');
    });

    test('edge case 24: thousands of parts', async () => {
      const message = await parse(
        mixed(...Array.from({ length: 3000 }, (_, i) => `Content-Type: text/plain\r\n\r\npart ${i}`)),
      );
      expect(message.defects.join()).toContain('more than 1,000 parts');
      expect(message.text).toContain('part 5');
    });

    test('a multipart without boundary, and one without parts', async () => {
      const broken = await parse('From: a@x\r\nContent-Type: multipart/mixed\r\n\r\nhello');
      expect(broken).toMatchObject({ text: 'hello', attachments: [] });
      expect(broken.defects).toHaveLength(1);
      expect((await parse('Content-Type: multipart/mixed; boundary=b\r\n\r\nhello')).defects).toHaveLength(1);
    });

    test('edge case 24: text without end', async () => {
      const message = await parse(`From: a@x\r\n\r\n${'line of text\r\n'.repeat(500_000)}`);
      expect(message.defects.join()).toContain('2 MiB');
      expect(message.text.length).toBeLessThanOrEqual(2 * 1024 * 1024);
    });

    test('edge case 24: a header without end', async () => {
      const message = await parse(`From: a@x\r\n${'X-A: b\r\n'.repeat(5000)}\r\nhello`);
      expect(message.headers).toHaveLength(1000);
      expect(message.defects).toHaveLength(1);
      expect(message.text).toBe('hello');
      const endless = await parse(`From: a@x\r\nX-A: ${'b'.repeat(9 * 1024 * 1024)}`);
      expect(endless.head.from).toHaveLength(1);
      expect(endless.defects.join()).toContain('8 MiB');
    });
  });

  test('an empty message is a message', async () => {
    expect(await parse('')).toMatchObject({ text: '', html: null, snippet: '', attachments: [], defects: [] });
  });

  test('an error of the source is an error', async () => {
    const source = new Readable({ read() {} });
    source.push('From: a@x\r\n\r\nhel');
    setImmediate(() => source.destroy(new Error('cut')));
    await expect(parseMessage(source)).rejects.toThrow('cut');
  });

  test('a million bytes of lines that begin as a delimiter does are read through once', async () => {
    const head = 'Content-Type: multipart/mixed; boundary=abc\r\n\r\n';
    const raw = Buffer.from(head + 'y\n\r--x\n'.repeat(140_000));
    expect((await parseMessage(raw)).attachments).toEqual([]);
  });

  test('edge case 24: nothing makes it throw, however it arrives', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '--b\r\n',
        '--b--\r\n',
        '--c\r\n',
        '\r\n',
        'Content-Type: multipart/mixed; boundary=b\r\n',
        'Content-Type: multipart/alternative; boundary=c\r\n',
        'Content-Type: text/html; charset=utf-7\r\n',
        'Content-Type: text/plain; charset="\0"; format=flowed\r\n',
        'Content-Type: message/rfc822\r\n',
        'Content-Transfer-Encoding: base64\r\n',
        'Content-Transfer-Encoding: quoted-printable\r\n',
        "Content-Disposition: attachment; filename*0*=utf-8''%00; filename*1=x\r\n",
        '__proto__: x\r\n',
        'a=\r\n=3D=zz&#0;&#xd800;\0',
      ),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece),
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
        async (pieces, noise) => {
          const chunks = [
            ...pieces.map((text) => Buffer.from(text)),
            ...noise.map((bytes) => Buffer.from(bytes)),
          ].filter((chunk) => chunk.length > 0);
          const whole = await parseMessage(Buffer.concat(chunks));
          const inPieces = await parseMessage(Readable.from(chunks));
          expect(inPieces).toEqual(whole);
          expect(JSON.stringify(whole)).not.toMatch(/\\u0000|\\ud[89a-f]/);
        },
      ),
      { numRuns: 300 },
    );
  });
});

import fc from 'fast-check';
import { ImapFlow } from 'imapflow';
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HeadRow, takeHeadRows } from './head-rows.ts';

let server: net.Server;
let client: ImapFlow;
/** What the server answers to FETCH. */
let answer = Buffer.alloc(0);

beforeAll(async () => {
  server = net
    .createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('* OK ready\r\n');
      let rest = '';
      socket.on('data', (chunk) => {
        rest += chunk.toString();
        for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
          const [tag, command, next] = rest.slice(0, end).split(' ');
          rest = rest.slice(end + 2);
          if (command === 'CAPABILITY') socket.write('* CAPABILITY IMAP4rev1\r\n');
          if (command === 'EXAMINE') socket.write('* 9 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 10]\r\n');
          if (next === 'FETCH') socket.write(answer);
          socket.write(`${tag} OK\r\n`);
        }
      });
    })
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const auth = { user: 'a', pass: 'b' };
  client = new ImapFlow({ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, auth, logger: false });
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
});

afterAll(() => {
  client.close();
  server.close();
});

const query = { uid: true, flags: true, internalDate: true, size: true, headers: ['From'] };

/** The rows as imapflow reads them. */
async function usual(): Promise<HeadRow[]> {
  const rows: HeadRow[] = [];
  for await (const row of client.fetch('1:*', query, { uid: true })) rows.push(row);
  return rows;
}

async function taken(): Promise<{ taken: HeadRow[]; left: HeadRow[] }> {
  const rows: HeadRow[] = [];
  return { left: await takeHeadRows(client, (row) => rows.push(row), usual), taken: rows };
}

const asSeen = ({ uid, flags, internalDate, size, headers }: HeadRow) => ({
  uid,
  flags: [...(flags ?? [])],
  receivedAt: internalDate && new Date(internalDate).getTime(),
  size,
  headers: headers?.toString('latin1'),
});

const literal = (text: string) => `{${Buffer.byteLength(text, 'latin1')}}\r\n${text}`;

test.for([
  [
    'Dovecot',
    `* 1 FETCH (UID 5 FLAGS (\\Seen $Forwarded) INTERNALDATE "01-Nov-2026 10:00:00 +0100" RFC822.SIZE 99 BODY[HEADER.FIELDS (FROM TO)] ${literal('From: a\r\n\r\n')})\r\n`,
  ],
  [
    'Cyrus',
    `* 1 FETCH (FLAGS () UID 5 INTERNALDATE " 1-Nov-2026 10:00:00 +0100" RFC822.SIZE 99 MODSEQ (77) EMAILID (Mab_1-x) BODY[HEADER.FIELDS ("From" "To")] ${literal('')})\r\n`,
  ],
])('takes a row as %s writes it', async ([, row]) => {
  answer = Buffer.from(row!);
  const expected = await usual();
  const rows = await taken();
  expect(rows.left).toEqual([]);
  expect(rows.taken.map(asSeen)).toEqual(expected.map(asSeen));
  expect(asSeen(rows.taken[0]!)).toMatchObject({ uid: 5, size: 99, receivedAt: Date.UTC(2026, 10, 1, 9) });
});

test('reads what imapflow reads, whatever a row looks like', async () => {
  const mixed = (word: string) => fc.constantFrom(word, word.toLowerCase());
  const flag = fc.constantFrom(
    '\\Seen',
    '$Junk',
    '\\*',
    'a.b',
    '"quoted"',
    'NIL',
    '(nested)',
    'r\xe9d',
    'a[b]',
    'x]y',
    '',
  );
  const text = fc.string({ unit: fc.constantFrom('a', ':', ' ', ')', '(', '"', '\\', '{3}', '\r\n', '\xe9', '\0') });
  const item = fc.oneof(
    fc.tuple(mixed('UID'), fc.constantFrom('1', '4294967295', '99999999999', '0', '05', 'NIL', '"5"')),
    fc.tuple(mixed('RFC822.SIZE'), fc.constantFrom('0', '123', '1234567890123456789', '-1', 'NIL')),
    fc.tuple(
      fc.constant('FLAGS'),
      fc.array(flag).map((flags) => `(${flags.join(' ')})`),
    ),
    fc.tuple(
      fc.constant('INTERNALDATE'),
      fc.constantFrom('"17-Jul-1996 02:44:25 -0700"', '"99-Foo-1"', '""', 'NIL', '"a\\"b"'),
    ),
    fc.tuple(
      fc.constantFrom('BODY[HEADER.FIELDS (FROM)]', 'body[header]', 'BODY[]', 'BODY[HEADER.FIELDS (FROM)]<0>'),
      text.map(literal),
    ),
    fc.tuple(fc.constant('BODY[HEADER.FIELDS (FROM)]'), fc.constantFrom('""', 'NIL', '"From: a"')),
    fc.tuple(fc.constantFrom('MODSEQ', 'EMAILID', 'X-NEW'), fc.constantFrom('(1)', '(a b)', '1', 'NIL')),
  );
  const row = fc
    .tuple(fc.nat(9), mixed('FETCH'), fc.array(item, { maxLength: 6 }), fc.constantFrom('', ' ', '  '))
    .map(
      ([seq, fetch, items, end]) => `* ${seq} ${fetch} (${items.map((words) => words.join(' ')).join(' ')}${end})\r\n`,
    );
  const usualRow = fc
    .tuple(fc.nat(9), text, fc.boolean())
    .map(
      ([uid, head, seen]) =>
        `* 1 FETCH (UID ${uid} FLAGS (${seen ? '\\Seen' : ''}) BODY[HEADER.FIELDS (FROM)] ${literal(head)})\r\n`,
    );
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(usualRow, row), { maxLength: 20 }), async (rows) => {
      answer = Buffer.from(rows.join(''), 'latin1');
      const expected = await usual();
      const own = await taken();
      count += own.taken.length;
      // Each way keeps the order; between them the UID tells them apart only where they have one.
      const sorted = (list: HeadRow[]) => list.map((one) => JSON.stringify(asSeen(one))).sort();
      expect(sorted([...own.taken, ...own.left])).toEqual(sorted(expected));
    }),
    { numRuns: 150 },
  );
  expect(count).toBeGreaterThan(100);
});

test('leaves everything to imapflow again when the work is over, also when it failed', async () => {
  answer = Buffer.from(`* 1 FETCH (UID 5 BODY[HEADER.FIELDS (FROM)] ${literal('From: a\r\n\r\n')})\r\n`);
  const rows: HeadRow[] = [];
  const failing = takeHeadRows(
    client,
    (row) => rows.push(row),
    () => Promise.reject(new Error('no')),
  );
  await expect(failing).rejects.toThrow('no');
  expect(await usual()).toHaveLength(1);
  expect(rows).toEqual([]);
});

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
  const flag = fc.constantFrom('\\Seen', '$Junk', '\\*', 'a.b', '"quoted"', '(x)', 'r\xe9d', 'a[b]', 'x]y', '');
  const text = fc.string({ unit: fc.constantFrom('a', ':', ' ', ')', '(', '"', '\\', '{3}', '\r\n', '\xe9', '\0') });
  const usualItems = fc.tuple(
    fc.integer({ min: 1, max: 9 }).map((uid) => `UID ${uid}`),
    text.map((head) => `BODY[HEADER.FIELDS (FROM)] ${literal(head)}`),
    fc.constantFrom('FLAGS ()', 'FLAGS (\\Seen a.b)', 'flags (\\Draft)'),
  );
  const odd = fc.oneof(
    fc.constantFrom('UID 4294967295', 'UID 99999999999', 'UID 0', 'UID 05', 'UID NIL', 'UID "5"'),
    fc.constantFrom('RFC822.SIZE 0', 'rfc822.size 123', 'RFC822.SIZE 1234567890123456789', 'RFC822.SIZE -1'),
    fc.array(flag).map((flags) => `FLAGS (${flags.join(' ')})`),
    fc
      .constantFrom('"17-Jul-1996 02:44:25 -0700"', '"99-Foo-1"', '""', 'NIL', '"a\\"b"')
      .map((at) => `INTERNALDATE ${at}`),
    text.map((part) => `body[header] ${literal(part)}`),
    text.map((part) => `BODY[] ${literal(part)}`),
    text.map((part) => `BODY[HEADER.FIELDS (FROM)]<0> ${literal(part)}`),
    fc.constantFrom('BODY[HEADER.FIELDS (FROM)] ""', 'BODY[HEADER.FIELDS (FROM)] NIL', 'BODY[HEADER] "From: a"'),
    fc.constantFrom('MODSEQ (1)', 'EMAILID (a b)', 'EMAILID NIL', 'X-NEW 1', 'X-NEW (NIL)', ''),
  );
  const row = fc
    .tuple(usualItems, fc.array(odd, { maxLength: 2 }), fc.boolean(), fc.constantFrom('', '', ' '))
    .map(([items, more, before, end]) => {
      const all = before ? [...more, ...items] : [...items, ...more];
      return `* 1 FETCH (${all.join(' ')}${end})\r\n`;
    });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
      answer = Buffer.from(rows.join(''), 'latin1');
      const expected = await usual();
      const own = await taken();
      count += own.taken.length;
      // Each way keeps the order, but not across the two.
      const sorted = (list: HeadRow[]) => list.map((one) => JSON.stringify(asSeen(one))).sort();
      expect(sorted([...own.taken, ...own.left])).toEqual(sorted(expected));
    }),
    { numRuns: 200 },
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

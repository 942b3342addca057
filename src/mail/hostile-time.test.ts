import { expect, test } from 'vitest';
import { addressKey, domainKey } from './address.ts';
import { parseAuthenticationResults } from './authentication-results.ts';
import { decodeText } from './decode-text.ts';
import { readDeliveryStatus, readFreeForm } from './delivery-report.ts';
import { htmlToText } from './html-text.ts';
import { parseAddresses } from './parse-addresses.ts';
import { parseDate } from './parse-date.ts';
import { listFields, parseHead } from './parse-head.ts';
import { parseMessage } from './parse-message.ts';
import { parseHandover, parseReceived } from './received.ts';
import { recognise } from './recognise.ts';
import { snippetOf } from './snippet.ts';
import { learnAuthserv, serverVerdict } from './verdict.ts';

/** Characters of one input: what is quadratic takes minutes for it. */
const length = 1024 * 1024;
/** Milliseconds of this thread's processor time. */
const most = 5000;

const repeated = [
  ...[
    '(',
    '()',
    '(a) ',
    '<',
    '<a@b> ',
    ',',
    ';',
    ':',
    'g:a@b;',
    '=?=?=?',
    '=?utf-8?q?a?= ',
    '"',
    '"\\"\\""',
    '\\',
    ' ',
  ],
  ...[
    '1',
    '@',
    'x@',
    'a@b, ',
    '\n',
    '\n> ',
    '\r\n\t',
    '-',
    '/ ',
    '= ',
    '&#1;',
    '<!--',
    '<script>',
    'helo ',
    'by a.b (',
  ],
];
const inputs = repeated.flatMap((unit) => {
  const long = unit.repeat(Math.ceil(length / unit.length));
  return [`x${long}(`, `helo${long}`];
});

const head = (name: string) => (text: string) => parseHead(Buffer.from(`${name}: ${text}\r\n\r\n`));
const fields = (text: string) =>
  new Map([
    ['content-type', `multipart/report ${text}`],
    ['x-post-messageclass', text],
    ['return-path', '<>'],
  ]);
const partTypes = (text: string) => [`text/calendar ${text}`, `message/delivery-status ${text}`];

const readers: Record<string, (text: string) => unknown> = {
  addressKey,
  domainKey,
  decodeText,
  htmlToText,
  parseAddresses,
  parseDate,
  parseReceived,
  parseHandover,
  parseAuthenticationResults,
  snippetOf,
  readDeliveryStatus,
  readFreeForm: (text) => [readFreeForm(undefined, text), readFreeForm(text, '')],
  recognise: (text) => recognise({ fields: fields(text), from: text, partTypes: partTypes(text), text }),
  'a header': (text) => parseHead(Buffer.from(text)),
  From: head('From'),
  Subject: head('Subject'),
  References: head('References'),
  'all fields': (text) => listFields(Buffer.from(`X: ${text}\r\n\r\n`), new Set()),
};

function costOf(task: () => unknown): number {
  const before = process.threadCpuUsage();
  task();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

test.each(Object.entries(readers))(
  'reads a MiB of whatever is hostile in bounded time: %s',
  (_, read) => {
    for (const input of inputs)
      expect(
        costOf(() => read(input)),
        JSON.stringify(input.slice(0, 30)),
      ).toBeLessThan(most);
  },
  300_000,
);

test.each([
  ['received', (field: string) => field],
  ['authentication-results', (field: string) => `mx.test.example; ${field}`],
] as const)(
  'finds out whose word counts from hostile mail in bounded time: %s',
  (name, value) => {
    for (const unit of ['(', '()', '(a)b ', 'helo ', '1', '/ ', 'a=b ', '"\\"\\""']) {
      const folded = value(unit.repeat(Math.ceil(8000 / unit.length)));
      const trace = [
        { name: 'received' as const, folded: 'by mx.test.example' },
        ...Array.from({ length: 40 }, () => ({ name, folded })),
      ];
      const mail = { trace, from: [{ name: '', address: 'a@sender.example' }] };
      const samples = Array.from({ length: 60 }, () => ({ head: mail, receivedAt: new Date() }));
      expect(
        costOf(() => learnAuthserv(samples, ['test.example'])),
        unit,
      ).toBeLessThan(most);
      const trust = { authserv: 'mx.test.example', hosts: ['test.example'] };
      const verdicts = () => samples.slice(0, 10).map((sample) => serverVerdict(sample.head, trust));
      expect(costOf(verdicts), unit).toBeLessThan(most / 5);
    }
  },
  300_000,
);

test('joins a MiB of flowed lines in bounded time', async () => {
  const lines = 'a \r\n'.repeat(length / 4);
  const raw = Buffer.from(`Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n${lines}`);
  const before = process.threadCpuUsage();
  const { text } = await parseMessage(raw);
  const { user } = process.threadCpuUsage(before);
  expect(text).toHaveLength(length / 4);
  expect(user / 1000).toBeLessThan(most);
}, 300_000);

import { Readable } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import type { Parser } from './parse-message.ts';
import { signatureOf, signingKey } from '../../test/fixtures/sign-mail.ts';
import { createParser } from './parse-pool.ts';

let parser: Parser;
afterEach(() => parser.close());

const raw = (subject: string, body = 'hello') =>
  Readable.from([Buffer.from(`From: a@x\r\nSubject: ${subject}\r\n\r\n${body}`)]);

test('parses many messages at once, each with its own result', async () => {
  parser = createParser({ threads: 2 });
  const subjects = Array.from({ length: 40 }, (_, index) => `subject ${index}`);
  const given = subjects.map((subject, index) =>
    index % 2 ? raw(subject) : Buffer.from(`Subject: ${subject}\r\n\r\n`),
  );
  const parsed = await Promise.all(given.map((message) => parser.parse(message, 'one')));
  expect(parsed.map((message) => message.head.subject)).toEqual(subjects);
});

test('verifies signatures beside parsing, of what is in memory and of what streams by', async () => {
  parser = createParser({ threads: 1 });
  const key = signingKey();
  const keys = new Map([['s1._domainkey.a.example', [key.record]]]);
  const unsigned = `From: a@a.example\r\nSubject: s\r\n\r\n${'hello\r\n'.repeat(20_000)}`;
  const message = (await signatureOf(unsigned, { pem: key.pem, domain: 'a.example' })) + unsigned;
  const stream = () => Readable.from(message.match(/[^]{1,10000}/g)!.map((piece) => Buffer.from(piece)));
  const [whole, parsed, streamed, none, again] = await Promise.all([
    parser.verify(Buffer.from(message), 'one', keys),
    parser.parse(stream(), 'one'),
    parser.verify(stream(), 'one', keys),
    parser.verify(Buffer.from(unsigned), 'one', keys),
    parser.parse(Buffer.from(message), 'one'),
  ]);
  expect(whole).toEqual([{ domain: 'a.example', result: 'pass' }]);
  expect(streamed).toEqual(whole);
  expect(none).toEqual([]);
  expect([parsed.head.subject, again.head.subject]).toEqual(['s', 's']);
});

test('a source that fails, fails its message only', async () => {
  parser = createParser({ threads: 1 });
  const broken = new Readable({ read() {} });
  broken.push('From: a@x\r\n');
  setImmediate(() => broken.destroy(new Error('cut')));
  const [first, second] = await Promise.allSettled([parser.parse(broken, 'one'), parser.parse(raw('next'), 'one')]);
  expect(first.status).toBe('rejected');
  expect(second).toMatchObject({ status: 'fulfilled', value: { head: { subject: 'next' } } });
});

test('a message of which the parser wants no more leaves nothing to the next', async () => {
  parser = createParser({ threads: 1 });
  const parts = Array.from({ length: 1200 }, (_, n) => `--b\r\nContent-Type: image/png; name=p${n}\r\n\r\nx\r\n`);
  const endless = [
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n',
    ...parts,
    '--b\r\n\r\n',
    ...Array.from({ length: 500 }, () => `${'y'.repeat(70)}\r\n`.repeat(100)),
  ];
  for (let times = 1; times <= 3; times += 1) {
    const { defects } = await parser.parse(Readable.from(endless.map((piece) => Buffer.from(piece))), 'one');
    expect(defects.join()).toMatch(/1,000 parts/);
    expect((await parser.parse(raw('next'), 'two')).head.subject).toBe('next');
  }
});

test('edge case 24: a message that takes too long once it is there fails', async () => {
  parser = createParser({ threads: 1, timeoutSeconds: 0.1 });
  const slow = `Content-Type: text/html\r\n\r\n${'<p>x</p>\r\n'.repeat(1_500_000)}`;
  await expect(parser.parse(Readable.from([Buffer.from(slow)]), 'one')).rejects.toThrow('longer than');
});

test('edge case 24: a message that takes too long fails, the next is parsed', async () => {
  parser = createParser({ threads: 1, timeoutSeconds: 0.001 });
  const slow = parser.parse(raw('slow', 'x\r\n'.repeat(2_000_000)), 'one');
  await expect(slow).rejects.toThrow('longer than');
  await parser.close();
  parser = createParser({ threads: 1 });
  expect((await parser.parse(raw('next'), 'one')).head.subject).toBe('next');
});

test('edge case 24: a message that takes more memory than it may fails, the next is parsed', async () => {
  parser = createParser({ threads: 1, memoryMb: 16 });
  const list = Array.from({ length: 250_000 }, (_, index) => `p${index}@x.example`).join(',\r\n ');
  await expect(parser.parse(Readable.from([Buffer.from(`From: a@x\r\nTo: ${list}\r\n\r\n`)]), 'one')).rejects.toThrow();
  expect((await parser.parse(raw('next'), 'one')).head.subject).toBe('next');
});

test('edge case 24: 50 MB need little memory', async () => {
  parser = createParser({ threads: 1 });
  await parser.parse(raw('warm'), 'one');
  const line = Buffer.from(`${'A'.repeat(76)}\r\n`.repeat(1000));
  function* message() {
    yield Buffer.from(
      'From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n',
    );
    for (let count = 0; count < 640; count += 1) yield line;
    yield Buffer.from('\r\n--b--\r\n');
  }
  const before = process.memoryUsage.rss();
  let most = before;
  const measure = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
  const { attachments } = await parser.parse(Readable.from(message()), 'one');
  clearInterval(measure);
  expect(attachments[0]?.size).toBe(640 * 76 * 750);
  expect(most - before).toBeLessThan(150 * 1024 * 1024);
});

test("another mailbox's single message doesn't wait for all of one that brings many", async () => {
  parser = createParser({ threads: 1 });
  await parser.parse(raw('warm'), 'one');
  const done: string[] = [];
  const parse = async (subject: string, owner: string) => {
    await parser.parse(Buffer.from(`Subject: ${subject}\r\n\r\n`), owner);
    done.push(subject);
  };
  const many = Array.from({ length: 100 }, (_, index) => parse(`many ${index}`, 'many'));
  await Promise.all([...many, parse('single', 'other')]);
  expect(done.indexOf('single')).toBeLessThanOrEqual(2);
});

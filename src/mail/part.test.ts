import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { AppError } from '../errors.ts';
import { parseMessage } from './parse-message.ts';
import { openPart } from './part.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
const base64 = content.toString('base64').replace(/.{76}/g, '$&\r\n');
const message = [
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'hello',
  '--b',
  'Content-Type: multipart/mixed; boundary=c',
  '',
  '--c',
  'Content-Type: application/zip; name=a.zip',
  'Content-Transfer-Encoding: base64',
  '',
  base64,
  '--c',
  'Content-Type: text/csv; name=b.csv',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'a=3Db=\r\nc',
  '--c--',
  '--b--',
  '',
].join('\r\n');

const raw = () =>
  Readable.from(
    Buffer.from(message)
      .toString('latin1')
      .match(/[^]{1,9973}/g)!
      .map((piece) => Buffer.from(piece, 'latin1')),
  );

test('gives the decoded bytes of a part, of the size that was said', async () => {
  const { attachments } = await parseMessage(raw());
  expect(attachments.map((entry) => [entry.part, entry.size])).toEqual([
    ['2.1', content.length],
    ['2.2', 4],
  ]);
  const zip = await openPart(raw(), '2.1');
  expect(zip).toMatchObject({ contentType: 'application/zip', filename: 'a.zip' });
  expect((await buffer(zip.body)).equals(content)).toBe(true);
  expect(await text((await openPart(raw(), '2.2')).body)).toBe('a=bc');
  expect(await text((await openPart(raw(), '1')).body)).toBe('hello');
  expect(await text((await openPart(Readable.from([Buffer.from('From: a@x\n\nalone')]), '1')).body)).toBe('alone');
});

test('a part that is not there is not found', async () => {
  for (const part of ['3', '2', '2.1.1', '', '__proto__'])
    await expect(openPart(raw(), part), part).rejects.toBeInstanceOf(AppError);
});

test('a reader that goes away ends the raw stream', async () => {
  const source = raw();
  const { body } = await openPart(source, '2.1');
  body.destroy();
  await expect.poll(() => source.destroyed).toBe(true);
});

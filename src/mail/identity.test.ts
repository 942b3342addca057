import { expect, test } from 'vitest';
import { keyedHash } from './hash.ts';
import { identityOf } from './identity.ts';
import { parseHead } from './parse-head.ts';

const identity = (...lines: string[]) => identityOf(parseHead(Buffer.from([...lines, '', ''].join('\r\n'))));
const from = 'From: Anna <anna@x.example>';
const id = 'Message-ID: <1@x.example>';
const date = 'Date: Mon, 23 Nov 2026 21:10:09 +0100';

test('a gateway that tags the subject or writes the zone in another way changes nothing', () => {
  expect(identity(from, id, date, 'Subject: Hi', 'To: bob@y.example')).toBe(
    identity(
      'From: ANNA@X.example',
      id,
      'Date: Mon, 23 Nov 2026 20:10:09 GMT',
      'Subject: [EXTERNAL] Hi',
      'To: list@y.example',
    ),
  );
});

test('edge case 7: a Message-ID used again by another sender or at another time hides nothing', () => {
  expect(identity(from, id, date)).not.toBe(identity('From: eve@x.example', id, date));
  expect(identity(from, id, date)).not.toBe(identity(from, id, 'Date: Mon, 23 Nov 2026 21:10:10 +0100'));
});

test('edge case 7: without Message-ID or Date the subject and the recipients count', () => {
  expect(identity(from, date, 'Subject: Hi')).not.toBe(identity(from, date, 'Subject: Ho'));
  expect(identity(from, id, 'To: a@y.example')).not.toBe(identity(from, id, 'To: b@y.example'));
  expect(identity(from, id, 'To: a@y.example, b@y.example')).toBe(identity(from, id, 'To: b@y.example, a@y.example'));
});

test('fields can not be shifted into each other', () => {
  expect(identity(from, 'Subject: a', 'To: b@y.example')).not.toBe(identity(from, 'Subject: a b@y.example'));
});

test('a keyed hash has 16 bytes and depends on key and text', () => {
  const key = Buffer.alloc(32, 1);
  expect(keyedHash(key, 'a')).toHaveLength(16);
  expect(keyedHash(key, 'a')).toEqual(keyedHash(key, 'a'));
  expect(keyedHash(key, 'a')).not.toEqual(keyedHash(key, 'b'));
  expect(keyedHash(key, 'a')).not.toEqual(keyedHash(Buffer.alloc(32, 2), 'a'));
});

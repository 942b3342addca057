import { describe, expect, test } from 'vitest';
import { parseHead } from './parse-head.ts';
import { parseMessage } from './parse-message.ts';

const lines = (...all: string[]) => Buffer.from(all.join('\r\n'));

describe('edge case 24: hostile content:', () => {
  test('header fields named as properties of objects are fields like any other', async () => {
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', '__defineGetter__'];
    const raw = lines(
      'From: a@x.example',
      ...names.map((name) => `${name}: {"polluted": true}`),
      'Message-ID: <one@x.example>',
      'Content-Type: text/plain; __proto__=x; constructor=y',
      '',
      'hello',
    );
    const message = await parseMessage(raw);
    expect(message.headers.map(([name]) => name)).toEqual(
      expect.arrayContaining(names.map((name) => expect.stringMatching(new RegExp(`^${name}$`, 'i')))),
    );
    expect(message).toMatchObject({ text: 'hello', head: { messageId: 'one@x.example' } });
    expect(parseHead(raw)).toEqual(message.head);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test("Outlook's winmail.dat is an attachment, and the text beside it is the text", async () => {
    const raw = lines(
      'From: a@x.example',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'See the attachment.',
      '--b',
      'Content-Type: application/ms-tnef; name="winmail.dat"',
      'Content-Disposition: attachment; filename="winmail.dat"',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from([0x78, 0x9f, 0x3e, 0x22, ...Array.from({ length: 500 }, (_, i) => i % 256)]).toString('base64'),
      '--b--',
    );
    const { text, attachments, defects } = await parseMessage(raw);
    expect(text.trim()).toBe('See the attachment.');
    expect(attachments).toMatchObject([{ filename: 'winmail.dat', contentType: 'application/ms-tnef', size: 504 }]);
    expect(defects).toEqual([]);
  });
});

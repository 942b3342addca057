import { expect, test } from 'vitest';
import { parseMessage } from './parse-message.ts';

const kindOf = async (...header: string[]) =>
  (await parseMessage(Buffer.from([...header, '', 'Text', ''].join('\r\n')))).kind;
const from = 'From: Ann <ann@north.example>';

test.each([
  ['a person', [], 'personal'],
  ['a person whose company suppresses auto-responses', ['X-Auto-Response-Suppress: All'], 'personal'],
  ['a person whose company says that it is no automatic mail', ['Auto-Submitted: no'], 'personal'],
  ['a person behind a gateway with a first-class precedence', ['Precedence: first-class'], 'personal'],
  ['a person whose subject sounds automatic', ['Subject: Out of office: how do we cover August?'], 'personal'],
  ['a person who attaches a calendar file', ['Content-Type: text/calendar; name="party.ics"'], 'personal'],
  ['a person whose system says that it was no auto-reply', ['X-Autoreply: no'], 'personal'],
  ['RFC 3834', ['Auto-Submitted: auto-replied (vacation)'], 'auto_reply'],
  ['Exchange, out of office', ['X-Auto-Response-Suppress: All', 'Auto-Submitted: auto-generated'], 'auto_reply'],
  ['Gmail, vacation', ['Precedence: bulk', 'X-Autoreply: yes', 'Auto-Submitted: auto-replied'], 'auto_reply'],
  ['an old autoresponder', ['X-Autorespond: Away'], 'auto_reply'],
  ['an old precedence', ['Precedence: auto_reply'], 'auto_reply'],
  [
    'a read receipt',
    ['Content-Type: multipart/report; boundary=b; report-type=disposition-notification'],
    'auto_reply',
  ],
  ['RFC 3464', ['Content-Type: multipart/report; report-type="delivery-status"; boundary=b'], 'bounce'],
  ['Exim', ['X-Failed-Recipients: bob@south.example', 'Auto-Submitted: auto-replied'], 'bounce'],
  ['RFC 2919', ['List-Id: Sailors <sailors.north.example>'], 'list'],
  [
    'RFC 8058',
    ['List-Unsubscribe: <https://north.example/u>', 'List-Unsubscribe-Post: List-Unsubscribe=One-Click'],
    'list',
  ],
  ['Precedence of a list', ['Precedence: list'], 'list'],
  ['an invitation', ['Content-Type: text/calendar; charset=utf-8; method=REQUEST'], 'calendar'],
])('recognises %s', async (_, header, kind) => {
  expect(await kindOf(from, ...header)).toBe(kind);
});

test('recognises the free form of qmail and Postfix by its sender', async () => {
  expect(await kindOf('From: MAILER-DAEMON@south.example', 'Subject: failure notice')).toBe('bounce');
});

test('finds an invitation within a multipart, and none within an attached message', async () => {
  const within = (type: string, ...body: string[]) =>
    [from, 'Content-Type: multipart/mixed; boundary=b', '', '--b', `Content-Type: ${type}`, ...body, '--b--', ''].join(
      '\r\n',
    );
  const invitation = ['', 'BEGIN:VCALENDAR'];
  expect((await parseMessage(Buffer.from(within('text/calendar; method=REQUEST', ...invitation)))).kind).toBe(
    'calendar',
  );
  const attached = within('message/rfc822', '', 'Content-Type: text/calendar; method=REQUEST', ...invitation);
  expect((await parseMessage(Buffer.from(attached))).kind).toBe('personal');
});

import { describe, expect, test } from 'vitest';
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
  ['FirstClass', ['X-FC-MachineGenerated: true'], 'auto_reply'],
  ['a web host', ['X-POST-MessageClass: 9; Autoresponder'], 'auto_reply'],
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
  [
    'an agent who answers from a ticket system',
    ['Precedence: bulk', 'X-RT-Loop-Prevention: north.example'],
    'personal',
  ],
  ['a newsletter', ['Precedence: bulk', 'Feedback-ID: 1:2:mail', 'List-Unsubscribe: <mailto:u@north.example>'], 'list'],
  [
    'a postmaster who writes',
    ['Return-Path: <postmaster@north.example>', 'Subject: Undeliverable: what now?'],
    'personal',
  ],
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

describe('bounces', () => {
  const recognised = async (header: string[], ...body: string[]) => {
    const { kind, delivery } = await parseMessage(Buffer.from([...header, '', ...body, ''].join('\r\n')));
    return { kind, delivery };
  };
  const failed = (...recipients: string[]) => ({ kind: 'bounce', delivery: { status: 'failed', recipients } });
  const multipart = (type: string) => `Content-Type: ${type}; boundary="b"`;
  const parts = (text: string, status: string[]) => [
    '--b',
    'Content-Type: text/plain',
    '',
    text,
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.south.example',
    '',
    ...status,
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Subject: the original',
    '',
    'Final-Recipient: rfc822; quoted@north.example',
    'Action: failed',
    '--b--',
  ];
  const report = multipart('multipart/report; report-type=delivery-status');

  test('of RFC 3464 say for whom it failed', async () => {
    const status = ['Original-Recipient: rfc822;bob@south.example', 'Final-Recipient: rfc822;robert@south.example'];
    expect(
      await recognised(['From: MAILER-DAEMON@south.example', report], ...parts('No.', [...status, 'Action: failed'])),
    ).toEqual(failed('bob@south.example'));
  });

  test('say that it is delayed, or was delivered; of several recipients the worst counts', async () => {
    const of = (address: string, action: string) => [`Final-Recipient: rfc822; ${address}`, `Action: ${action}`, ''];
    const from = 'From: postmaster@south.example';
    const delayed = of('bob@south.example', 'delayed (will retry)');
    const sent = of('cas@south.example', 'relayed');
    expect((await recognised([from, report], ...parts('Later.', [...delayed, ...sent]))).delivery).toEqual({
      status: 'delayed',
      recipients: ['bob@south.example'],
    });
    expect((await recognised([from, report], ...parts('Done.', sent))).delivery).toEqual({
      status: 'delivered',
      recipients: ['cas@south.example'],
    });
    const all = [...sent, ...delayed, ...of('dan@south.example', 'failed')];
    expect(await recognised([from, report], ...parts('No.', all))).toEqual(failed('dan@south.example'));
  });

  test('of Exchange: in any language by its structure, without the right type, or by its own field', async () => {
    const status = ['Final-Recipient: rfc822;bob@south.example', 'Action: failed'];
    const from = 'From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@south.example>';
    const subject = 'Subject: =?utf-8?Q?N=C3=A3o_entregue=3A_proposta?=';
    for (const type of ['multipart/report', 'multipart/mixed', 'multipart/report; report-type="delivery-status"']) {
      expect(await recognised([from, subject, multipart(type)], ...parts('Falha.', status))).toEqual(
        failed('bob@south.example'),
      );
    }
    expect((await recognised(['From: x@south.example', subject, 'X-MS-Exchange-Message-Is-Ndr: '], 'Falha')).kind).toBe(
      'bounce',
    );
    expect((await recognised(['From: x@south.example', 'Content-Class: urn:content-classes:dsn'], 'Falha')).kind).toBe(
      'bounce',
    );
    // The subject alone is what a person may write.
    expect((await recognised([from, subject], 'Falha')).kind).toBe('personal');
    expect(
      (await recognised(['From: ann@north.example', multipart('multipart/mixed')], ...parts('Look:', status))).kind,
    ).toBe('personal');
  });

  test('of qmail', async () => {
    const text = [
      'Hi. This is the qmail-send program at mx.south.example.',
      "I'm afraid I wasn't able to deliver your message to the following addresses.",
      "This is a permanent error; I've given up. Sorry it didn't work out.",
      '',
      '<bob@south.example>:',
      'Sorry, no mailbox here by that name. (#5.1.1)',
      '',
      '--- Below this line is a copy of the message.',
      '',
      '<quoted@north.example>:',
    ];
    expect(await recognised(['From: MAILER-DAEMON@south.example'], ...text)).toEqual(failed('bob@south.example'));
    expect(await recognised(['Return-Path: <>', 'From: bounces@south.example'], ...text)).toEqual(
      failed('bob@south.example'),
    );
    // Somebody asks what that means.
    expect((await recognised(['From: ann@north.example'], ...text)).kind).toBe('personal');
  });

  test('of Exim: failed, and delayed', async () => {
    const from = ['From: Mail Delivery System <Mailer-Daemon@south.example>', 'Auto-Submitted: auto-replied'];
    const begin = ['This message was created automatically by mail delivery software.', ''];
    const text = [
      ...begin,
      'A message that you sent could not be delivered to one or more of its',
      'recipients. This is a permanent error. The following address(es) failed:',
      '',
      '  bob@south.example',
      '    Unrouteable address',
    ];
    expect(await recognised(from, ...text)).toEqual(failed('bob@south.example'));
    expect(await recognised([...from, 'X-Failed-Recipients: bob@south.example, cas@south.example'], ...text)).toEqual(
      failed('bob@south.example', 'cas@south.example'),
    );
    const warning = [
      ...begin,
      'A message that you sent has not yet been delivered to one or more of its',
      'recipients after more than 24 hours on the queue on mx.south.example.',
      '',
      'The address to which the message has not yet been delivered is:',
      '',
      '  bob@south.example',
      '    Delay reason: Connection timed out',
    ];
    expect(await recognised(from, ...warning)).toEqual({
      kind: 'bounce',
      delivery: { status: 'delayed', recipients: ['bob@south.example'] },
    });
  });

  test('of Postfix, Yahoo and Gmail', async () => {
    const postfix = [
      'This is the mail system at host mx.south.example.',
      '',
      "I'm sorry to have to inform you that your message could not",
      'be delivered to one or more recipients. It is attached below.',
      '',
      '<bob@south.example>: host mx.south.example[192.0.2.1] said: 550 5.1.1',
      '    <bob@south.example>: Recipient address rejected: User unknown',
    ];
    expect(await recognised(['Return-Path: <>', 'From: Mail Delivery System <mds@south.example>'], ...postfix)).toEqual(
      failed('bob@south.example'),
    );
    const yahoo = [
      'Sorry, we were unable to deliver your message to the following address.',
      '',
      '<bob@south.example>:',
      '554: delivery error: dd Not a valid recipient',
      '',
      '--- Below this line is a copy of the message.',
      '',
      'To: <quoted@north.example>:',
    ];
    expect(await recognised(['From: mailer-daemon@yahoo.example'], ...yahoo)).toEqual(failed('bob@south.example'));
    const gmail = ['Delivery to the following recipient failed permanently:', '', '     bob@south.example'];
    expect(await recognised(['From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>'], ...gmail)).toEqual(
      failed('bob@south.example'),
    );
    // In a language that isn't known, the field says it.
    expect(
      await recognised(
        ['From: mailer-daemon@googlemail.example', 'X-Failed-Recipients: bob@south.example'],
        'Nicht zugestellt',
      ),
    ).toEqual(failed('bob@south.example'));
  });

  test('of a daemon that says nothing readable claim nothing', async () => {
    expect(await recognised(['From: MAILER-DAEMON@south.example'], 'Leider nicht.')).toEqual({
      kind: 'bounce',
      delivery: null,
    });
  });

  test('that are made to harm are read in bounded time and space', async () => {
    const status = Array.from(
      { length: 20_000 },
      (_, i) => `Final-Recipient: rfc822; ${i}@south.example\r\nAction: failed\r\n`,
    );
    const { delivery } = await recognised(['From: MAILER-DAEMON@south.example', report], ...parts('No.', status));
    expect(delivery).toMatchObject({ status: 'failed', recipients: { length: 20 } });
    const hostile = [
      ' '.repeat(100_000),
      '<'.repeat(100_000),
      `${'a@'.repeat(50_000)}`,
      `not been delivered to ${'x '.repeat(50_000)}`,
    ];
    const began = performance.now();
    for (const text of hostile) await recognised(['From: MAILER-DAEMON@south.example'], text);
    await recognised(
      ['From: MAILER-DAEMON@south.example', report],
      ...parts('No.', ['Action:' + '\r\n '.repeat(20_000)]),
    );
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

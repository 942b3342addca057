import { expect, test } from 'vitest';
import { parseReceived } from './received.ts';

test.each([
  [
    'Postfix',
    'from mail.a.example (mail.a.example [192.0.2.7]) by mx.acme.example (Postfix) with ESMTPS id 4X for <me@acme.example>; Mon, 1 Jun 2026 10:00:00 +0000 (UTC)',
    'mx.acme.example',
    '192.0.2.7',
  ],
  [
    'Gmail, inside',
    'by 2002:a05:6a10:1234:b0:1 with SMTP id x1csp1; Mon, 1 Jun 2026 03:00:00 -0700 (PDT)',
    '2002:a05:6a10:1234:b0:1',
    null,
  ],
  [
    'Gmail',
    'from mail-a.a.example (mail-a.a.example. [2001:db8::7]) by mx.google.com with ESMTPS id a1',
    'mx.google.com',
    '2001:db8::7',
  ],
  [
    'Exim without a reverse name',
    'from [192.0.2.7] (port=4000 helo=[198.51.100.1]) by mx.acme.example with esmtps',
    'mx.acme.example',
    '192.0.2.7',
  ],
  [
    'qmail',
    'from unknown (HELO 198.51.100.1) (192.0.2.7) by mx.acme.example with SMTP',
    'mx.acme.example',
    '192.0.2.7',
  ],
  [
    'Sendmail',
    'from x (IPv6:2001:db8::9 [IPv6:2001:db8::9]) by MX.acme.example. (8.17/8.17) with ESMTP',
    'mx.acme.example',
    '2001:db8::9',
  ],
  [
    'an address as greeting',
    'from [198.51.100.1] (host.a.example [192.0.2.7]) by mx.acme.example (Postfix)',
    'mx.acme.example',
    '192.0.2.7',
  ],
  ['two addresses', 'from x ([192.0.2.7] [198.51.100.1]) by mx.acme.example', 'mx.acme.example', null],
  ['addresses behind "by"', 'from x by mx.acme.example ([192.0.2.7]) with LMTP', 'mx.acme.example', null],
  ['a host that greets as "by"', 'from by (a.example [192.0.2.7]) by mx.acme.example', 'mx.acme.example', '192.0.2.7'],
  ['nothing', '', null, null],
  ['a comment without end', 'from x (by evil.example', null, null],
])('%s', (_, value, by, ip) => {
  expect(parseReceived(value)).toEqual({ by, ip });
});

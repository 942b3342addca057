import { describe, expect, test } from 'vitest';
import { parseHead } from './parse-head.ts';
import { learnAuthserv, matchesAuthserv, serverVerdict } from './verdict.ts';

const headOf = (from: string, ...lines: string[]) =>
  parseHead(Buffer.from([...lines, `From: ${from}`, '', ''].join('\r\n')));
const anna = 'Anna <anna@customer.example>';
const acme = { authserv: 'mx.acme.example', hosts: ['imap.acme.example', 'acme.example'] };
const hop =
  'Received: from mail.customer.example (mail.customer.example [192.0.2.7])\r\n\tby mx.acme.example (Postfix) with ESMTPS id 4X; Mon, 1 Jun 2026 10:00:00 +0000';
const lmtp =
  'Received: from mx.acme.example\r\n\tby store.acme.example with LMTP\r\n\tid AbC; Mon, 1 Jun 2026 10:00:01 +0000';
const foreign =
  'Received: from desk (localhost [127.0.0.1]) by mail.customer.example with ESMTPA; Mon, 1 Jun 2026 09:59:59 +0000';
const said = (what: string, id = 'mx.acme.example') => `Authentication-Results: ${id}; ${what}`;

describe('what real servers write', () => {
  const gmail = (results: string) => [
    'Delivered-To: me@gmail.com',
    'Received: by 2002:a05:6a10:1ca7:b0:5d2 with SMTP id x7csp1; Mon, 1 Jun 2026 03:00:01 -0700 (PDT)',
    'Received: from mail.customer.example (mail.customer.example. [192.0.2.7])\r\n        by mx.google.com with ESMTPS id a1si2\r\n        for <me@gmail.com>; Mon, 01 Jun 2026 03:00:00 -0700 (PDT)',
    'Received-SPF: pass (google.com: domain of anna@customer.example designates 192.0.2.7 as permitted sender) client-ip=192.0.2.7;',
    `Authentication-Results: mx.google.com;\r\n       ${results}`,
    foreign,
  ];
  const outlook = (results: string) => [
    'Received: from DB9P1.eurprd0.prod.outlook.com (2603:10a6:10::1) by AM0P2.eurprd0.prod.outlook.com with HTTPS; Mon, 1 Jun 2026 10:00:02 +0000',
    'Received: from AM6EUR05FT012.eop-eur05.prod.protection.outlook.com (2603:10a6:20b::2)\r\n by DB9P1.outlook.office365.com with Microsoft SMTP Server; Mon, 1 Jun 2026 10:00:01 +0000',
    `Authentication-Results: ${results}`,
    'Received: from mail.customer.example (192.0.2.7) by\r\n AM6EUR05FT012.mail.protection.outlook.com (10.233.1.1) with Microsoft SMTP Server; Mon, 1 Jun 2026 10:00:00 +0000',
    foreign,
  ];
  const icloud = (dmarc: string) => [
    'Received: from mail.customer.example (mail.customer.example [192.0.2.7])\r\n\tby st43p00im-mx01.me.com (Postfix) with ESMTPS id EC1; Mon, 1 Jun 2026 10:00:00 +0000 (UTC)',
    'Authentication-Results: bimi.icloud.com; bimi=skipped reason="insufficient dmarc"',
    'Authentication-Results: arc.icloud.com; arc=none',
    `Authentication-Results: dmarc.icloud.com; dmarc=${dmarc} header.from=customer.example`,
    'Authentication-Results: dkim-verifier.icloud.com;\r\n\tdkim=pass (2048-bit key) header.d=customer.example header.i=@customer.example header.b=XubAwo48',
    'Authentication-Results: spf.icloud.com; spf=pass (spf.icloud.com: domain of anna@customer.example designates 192.0.2.7 as permitted sender) smtp.mailfrom=anna@customer.example',
    foreign,
  ];
  const google = { authserv: 'mx.google.com', hosts: ['imap.gmail.com', 'gmail.com'] };
  const microsoft = { authserv: '*.outlook.com', hosts: ['outlook.office365.com', 'acme.example'] };
  const apple = { authserv: '*.icloud.com', hosts: ['imap.mail.me.com', 'icloud.com'] };
  const fastmail = { authserv: '*.messagingengine.com', hosts: ['imap.fastmail.com', 'acme.example'] };
  const yahoo = { authserv: '*.yahoo.com', hosts: ['imap.mail.yahoo.com', 'yahoo.com'] };

  test.each([
    [
      'Gmail: pass',
      google,
      gmail(
        'dkim=pass header.i=@customer.example header.s=s1 header.b=Ab1; spf=pass (google.com: domain of anna@customer.example designates 192.0.2.7 as permitted sender) smtp.mailfrom=anna@customer.example; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=customer.example',
      ),
      'pass',
      'mx.google.com',
    ],
    [
      'Gmail: fail',
      google,
      gmail(
        'spf=softfail (google.com: domain of transitioning x@evil.example does not designate 192.0.2.7 as permitted sender) smtp.mailfrom=x@evil.example;\r\n       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=customer.example',
      ),
      'fail',
      'mx.google.com',
    ],
    [
      'Gmail, no policy, but signed by a host of the domain',
      google,
      gmail('dkim=pass header.i=@mail.customer.example header.s=s1; spf=neutral smtp.mailfrom=bounce@esp.example'),
      'pass',
      'mx.google.com',
    ],
    [
      'Outlook: pass',
      microsoft,
      outlook(
        'spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=customer.example; dkim=pass (signature was verified)\r\n header.d=customer.example;dmarc=pass action=none\r\n header.from=customer.example;compauth=pass reason=100',
      ),
      'pass',
      'outlook.com',
    ],
    [
      'Outlook: fail',
      microsoft,
      outlook(
        'spf=fail (sender IP is 192.0.2.7) smtp.mailfrom=customer.example; dkim=none (message not signed) header.d=none;dmarc=fail action=quarantine header.from=customer.example;compauth=fail reason=000',
      ),
      'fail',
      null,
    ],
    [
      'Outlook, who guesses where there is no policy',
      microsoft,
      outlook(
        'spf=none (sender IP is 192.0.2.7) smtp.mailfrom=customer.example; dkim=none header.d=none;dmarc=bestguesspass action=none header.from=customer.example;compauth=pass reason=109',
      ),
      'none',
      null,
    ],
    ['iCloud, a field for each method', apple, icloud('pass'), 'pass', null],
    ['iCloud: fail', apple, icloud('fail'), 'fail', null],
    ['iCloud, no policy', apple, icloud('none'), 'pass', null],
    [
      'Fastmail, above its Received',
      fastmail,
      [
        'Received: from phl-compute-05.internal (phl-compute-05.phl.internal [10.202.2.45])\r\n\tby sloti36n16 (Cyrus 3.9) with LMTPA; Mon, 01 Jun 2026 06:00:01 -0400',
        'Received: from phl-mx-07 ([10.202.2.206]) by phl-compute-05.internal (MEProxy); Mon, 01 Jun 2026 06:00:01 -0400',
        'Authentication-Results: mx6.messagingengine.com; arc=none (no signatures found);\r\n    dkim=pass (2048-bit rsa key sha256) header.d=customer.example header.i=@customer.example header.b=Xk3p;\r\n    dmarc=pass policy.published-domain-policy=none policy.applied-disposition=none policy.evaluated-disposition=none\r\n    (p=none,d=none,d.eval=none) policy.policy-from=p header.from=customer.example;\r\n    iprev=pass smtp.remote-ip=192.0.2.7 (mail.customer.example); spf=pass smtp.mailfrom=anna@customer.example smtp.helo=mail.customer.example',
        'Received: from mail.customer.example (mail.customer.example [192.0.2.7]) by mx6.messagingengine.com (Postfix) with ESMTPS; Mon, 1 Jun 2026 06:00:00 -0400',
      ],
      'pass',
      'mx6.messagingengine.com',
    ],
    [
      'Yahoo',
      yahoo,
      [
        'X-Originating-Ip: [192.0.2.7]',
        'Authentication-Results: atlas-production.v2-mail-prod1-gq1.omega.yahoo.com;\r\n dkim=pass header.i=@customer.example header.s=s2048;\r\n spf=pass smtp.mailfrom=customer.example;\r\n dmarc=pass(p=REJECT) header.from=customer.example;',
        'Received: from 192.0.2.7 (EHLO mail.customer.example)\r\n by 10.217.136.15 with SMTPs\r\n (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256); Mon, 01 Jun 2026 10:00:00 +0000',
      ],
      'pass',
      'atlas-production.v2-mail-prod1-gq1.omega.yahoo.com',
    ],
    [
      'Postfix with OpenDMARC and OpenDKIM',
      acme,
      [
        'Return-Path: <x@evil.example>',
        lmtp,
        hop,
        said('dmarc=fail (p=quarantine dis=none) header.from=customer.example'),
        said('dkim=none'),
        foreign,
      ],
      'fail',
      'mx.acme.example',
    ],
    [
      'rspamd',
      acme,
      [
        lmtp,
        hop,
        said(
          'dkim=pass header.d=customer.example header.s=s1 header.b=AbCd;\r\n\tdmarc=pass (policy=reject) header.from=customer.example;\r\n\tspf=pass (mx.acme.example: domain of anna@customer.example designates 192.0.2.7 as permitted sender) smtp.mailfrom=anna@customer.example',
        ),
        foreign,
      ],
      'pass',
      'mx.acme.example',
    ],
  ] as const)('%s', (_, trust, lines, verdict, by) => {
    const found = serverVerdict(headOf(anna, ...lines), trust);
    expect(found?.verdict).toBe(verdict);
    if (by !== null) expect(found!.by).toBe(by);
  });
});

describe('a verdict', () => {
  const of = (results: string, from = anna) => serverVerdict(headOf(from, hop, said(results)), acme)?.verdict ?? null;

  test.each([
    ['dmarc=pass header.from=customer.example', 'pass'],
    ['dmarc=pass header.from="anna@mail.customer.example"', 'pass'],
    ['dmarc=pass', 'pass'],
    ['dmarc=fail header.from=customer.example; dkim=pass header.d=customer.example', 'fail'],
    ['dkim=pass header.d=customer.example', 'pass'],
    ['dkim=pass header.i=@news.customer.example', 'pass'],
    ['spf=pass smtp.mailfrom=bounce@customer.example', 'pass'],
    ['dmarc=none header.from=customer.example', 'none'],
    ['dmarc=temperror header.from=customer.example', 'none'],
    // Without a policy that was looked at nothing shows that it isn't genuine.
    ['dkim=fail header.d=customer.example; spf=fail smtp.mailfrom=customer.example', null],
    ['dkim=pass header.d=evil.example', null],
    ['spf=pass smtp.mailfrom=evil.example', null],
    ['spf=pass smtp.helo=customer.example', null],
    ['dkim=pass', null],
    ['auth=pass smtp.auth=anna@customer.example', null],
    ['none', null],
  ])('of "%s" is %s', (results, verdict) => {
    expect(of(results)).toBe(verdict);
  });

  test('is of organisations as the public suffix list has them', () => {
    expect(of('dkim=pass header.d=mail.customer.co.uk', 'a@customer.co.uk')).toBe('pass');
    expect(of('dkim=pass header.d=other.co.uk', 'a@customer.co.uk')).toBeNull();
    expect(of('dkim=pass header.d=xn--grn-ioa.example', 'a@grün.example')).toBe('pass');
  });

  test('is never pass where the server looked at another sender than the one that is shown', () => {
    expect(of('dmarc=pass header.from=evil.example')).toBe('fail');
    expect(of('dmarc=pass header.from=evil.example', 'e@evil.example, anna@customer.example')).toBe('fail');
    expect(of('dmarc=pass header.from=customer.example', 'a@customer.example, b@sales.customer.example')).toBe('pass');
    expect(
      serverVerdict(headOf('e@evil.example', hop, said('dmarc=pass'), 'From: anna@customer.example'), acme)!.verdict,
    ).toBe('fail');
  });

  test('says who found it and from what', () => {
    expect(
      serverVerdict(
        headOf(
          anna,
          hop,
          said('iprev=pass; spf=pass smtp.mailfrom=evil.example; dmarc=fail header.from=customer.example'),
        ),
        acme,
      ),
    ).toEqual({
      verdict: 'fail',
      by: 'mx.acme.example',
      results: 'spf=pass, dmarc=fail',
    });
  });
});

test('what is stored of it is short and well-formed', () => {
  const odd = Array.from({ length: 90 }, () => 'spf=\u{1f642}\u{1f642}\u{1f642}').join('; ');
  const found = serverVerdict(headOf(anna, hop, said(`dmarc=fail; ${odd}`)), acme)!;
  expect(found.results!.length).toBe(300);
  expect(found.results!.isWellFormed()).toBe(true);
});

describe("edge case 23: an Authentication-Results field isn't believed", () => {
  const passed = 'dmarc=pass header.from=customer.example';
  const failed = 'dmarc=fail header.from=customer.example';
  test.each([
    ['below the true one', [hop, said(failed), said(passed)], 'fail'],
    [
      'below the true one, as another host of the same server',
      [hop, said(failed, 'mx1.acme.example'), said(passed, 'mx2.acme.example')],
      'fail',
    ],
    ['in the name of somebody else', [hop, said(passed, 'mx.evil.example')], null],
    [
      'in a name that only looks like it',
      [hop, said(passed, 'mx.acme.example.evil.example'), said(passed, 'evilacme.example')],
      null,
    ],
    ['below a foreign Received', [hop, foreign, said(passed)], null],
    ['below a foreign Received that the sender calls ours', [hop, foreign, hop, said(passed)], null],
    ['when it has no name', [hop, `Authentication-Results: ${passed}`], null],
    [
      'when the true one above it is garbled',
      [hop, said(`spf=pass (of "x(@evil.example) smtp.mailfrom=a; ${failed}`), said(passed)],
      null,
    ],
    [
      'when the true one above it is garbled, as another host of the same server',
      [hop, said(`dmarc=fail (x header.from=customer.example`, 'mx1.acme.example'), said(passed, 'mx2.acme.example')],
      null,
    ],
    ['when a comment holds the result', [hop, said(`spf=none (${passed})`)], null],
    ['when a quoted value holds the result', [hop, said(`spf=none reason="; ${passed};"`)], null],
  ])('%s', (_, lines, verdict) => {
    const trust = { ...acme, authserv: lines.join().includes('mx2.') ? '*.acme.example' : acme.authserv };
    expect(serverVerdict(headOf(anna, ...lines), trust)?.verdict ?? null).toBe(verdict);
  });

  test('while the name of the mailbox’s own server is not known', () => {
    expect(serverVerdict(headOf(anna, said(passed), hop), { ...acme, authserv: null })).toBeNull();
  });

  test('and a thousand of them take no time', () => {
    const lines = Array.from({ length: 1000 }, () => said(`${passed}; `.repeat(50), 'mx.evil.example'));
    expect(serverVerdict(headOf(anna, ...lines), acme)).toBeNull();
  });
});

test('a name stands for itself, and with a star for the hosts of its domain', () => {
  expect(matchesAuthserv('mx.acme.example', 'MX.acme.example')).toBe(true);
  expect(matchesAuthserv('mx.acme.example', 'a.mx.acme.example')).toBe(false);
  expect(matchesAuthserv('*.acme.example', 'mx2.acme.example')).toBe(true);
  expect(matchesAuthserv('*.acme.example', 'acme.example')).toBe(true);
  expect(matchesAuthserv('*.acme.example', 'evilacme.example')).toBe(false);
});

describe('the name of the mailbox’s own server', () => {
  const hosts = ['imap.acme.example', 'acme.example'];
  const day = (n: number) => new Date(Date.UTC(2026, 5, 1 + n));
  /** So many messages, each from another organisation, spread over so many days. */
  const mails = (
    count: number,
    lines: (n: number) => string[],
    days = 5,
    from = (n: number) => `a@sender${n}.example`,
  ) => Array.from({ length: count }, (_, n) => ({ head: headOf(from(n), ...lines(n)), receivedAt: day(n % days) }));
  const checked = (id = 'mx.acme.example') => [lmtp, hop, said('dmarc=pass', id), foreign];

  test('is learned where it is in nearly all mail', () => {
    expect(
      learnAuthserv(
        mails(12, () => checked()),
        hosts,
      ),
    ).toBe('mx.acme.example');
    expect(
      learnAuthserv(
        [
          ...mails(30, () => checked()),
          ...mails(
            2,
            () => [lmtp, hop],
            2,
            (n) => `b@else${n}.example`,
          ),
        ],
        hosts,
      ),
    ).toBe('mx.acme.example');
  });

  test('is its domain where several hosts take turns', () => {
    expect(
      learnAuthserv(
        mails(12, (n) => checked(`mx${n % 3}.acme.example`)),
        hosts,
      ),
    ).toBe('*.acme.example');
  });

  test('may be any where it stands above all that a sender can write', () => {
    expect(
      learnAuthserv(
        mails(12, () => [said('dkim=pass', 'filter.vendor.example'), hop]),
        hosts,
      ),
    ).toBe('filter.vendor.example');
    expect(
      learnAuthserv(
        mails(12, () => [hop, said('dkim=pass', 'filter.vendor.example')]),
        hosts,
      ),
    ).toBeNull();
  });

  test("isn't what one sender writes, however often", () => {
    const others = mails(20, () => [lmtp, hop, foreign]);
    const forged = (count: number, from?: (n: number) => string) => mails(count, () => checked(), 5, from);
    expect(learnAuthserv([...forged(40, () => 'x@evil.example'), ...others], hosts)).toBeNull();
    expect(learnAuthserv([...forged(40, (n) => `x@evil${n}.example`), ...others], hosts)).toBeNull();
    expect(
      learnAuthserv(
        mails(40, () => checked(), 2),
        hosts,
      ),
    ).toBeNull();
  });

  test("isn't what senders' own servers write about themselves", () => {
    const outbound = (n: number) => [
      lmtp,
      hop,
      `Received: by mail.sender${n}.example with ESMTPA`,
      said('dmarc=none', 'acme.example'),
    ];
    expect(learnAuthserv(mails(20, outbound), hosts)).toBeNull();
    expect(
      learnAuthserv(
        mails(20, (n) => [lmtp, hop, said('auth=pass', `out.sender${n}.example`)]),
        hosts,
      ),
    ).toBeNull();
  });

  test('needs mail from outside: colleagues, drafts and little mail say nothing', () => {
    expect(
      learnAuthserv(
        mails(
          20,
          () => checked(),
          5,
          (n) => `c${n}@acme.example`,
        ),
        hosts,
      ),
    ).toBeNull();
    expect(
      learnAuthserv(
        mails(20, () => [said('dmarc=pass')]),
        hosts,
      ),
    ).toBeNull();
    expect(
      learnAuthserv(
        mails(9, () => checked()),
        hosts,
      ),
    ).toBeNull();
  });
});

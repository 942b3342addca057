import { describe, expect, test } from 'vitest';
import { fakeDns } from '../../test/fixtures/fake-dns.ts';
import { signatureOf, signingKey } from '../../test/fixtures/sign-mail.ts';
import { createSenderChecks } from './sender-checks.ts';
import { verifySignatures } from './signatures.ts';
import type { Keys } from './signatures.ts';

const trust = { authserv: null, hosts: ['acme.example', 'imap.acme.example'] };
const received =
  'Received: from out.customer.example (out.customer.example [192.0.2.7]) by mx.acme.example (Postfix) with ESMTPS; Mon, 1 Jun 2026 10:00:00 +0000';
const local = 'Received: from mx.acme.example by store.acme.example with LMTP; Mon, 1 Jun 2026 10:00:01 +0000';
const returnPath = (address: string) => `Return-Path: <${address}>`;
const key = signingKey();

const zone = {
  'TXT s1._domainkey.customer.example': [key.record],
  'TXT _dmarc.customer.example': [['v=DMARC1; p=reject']],
  'TXT customer.example': [['v=spf1 ip4:192.0.2.7 -all']],
  'MX acme.example': [{ exchange: 'mx.acme.example', priority: 10 }],
  'A mx.acme.example': ['203.0.113.1'],
};
type Zone = Record<string, unknown>;

interface Letter {
  from?: string;
  /** Above the signature: what the receiving side writes. */
  top?: string[];
  /** Below it. */
  lines?: string[];
  body?: string;
}

const text = ({ from = 'Anna <anna@customer.example>', lines = [], body = 'Dear all,\r\n\r\nyours\r\n' }: Letter) =>
  [
    ...lines,
    `From: ${from}`,
    'To: me@acme.example',
    'Subject: offer',
    'Message-ID: <1@customer.example>',
    '',
    body,
  ].join('\r\n');
const arrived = (content: string, { top = [returnPath('anna@customer.example'), received] }: Letter) =>
  Buffer.from([...top, content].join('\r\n'));

const signed = async (letter: Letter = {}, options: Partial<Parameters<typeof signatureOf>[1]> = {}) => {
  const signature = await signatureOf(text(letter), { pem: key.pem, domain: 'customer.example', ...options });
  return arrived(signature + text(letter), letter);
};
const unsigned = (letter: Letter = {}) => arrived(text(letter), letter);

async function check(raw: Buffer, records: Zone = zone) {
  const dns = fakeDns(records);
  const verified: string[][] = [];
  const verify = (keys: Keys) => {
    verified.push([...keys.keys()]);
    return verifySignatures(raw, keys);
  };
  const verdict = await createSenderChecks(dns.ask, { milliseconds: 200 }).check(raw, trust, verify);
  return { verdict: verdict?.verdict, results: verdict?.results, asked: dns.asked, verified };
}
const without = (...keys: string[]): Zone =>
  Object.fromEntries(Object.entries(zone).filter(([key]) => !keys.includes(key)));
const elsewhere = received.replace('192.0.2.7', '198.51.100.66');
const forged = { top: [returnPath('anna@customer.example'), elsewhere] };

describe('signatures', () => {
  test('a message that its sender signed passes, from wherever it came', async () => {
    const { verdict, results } = await check(await signed(forged));
    expect({ verdict, results }).toEqual({ verdict: 'pass', results: 'dmarc=pass, spf=fail, dkim=pass' });
  });

  test('an altered body, or an altered From, fails', async () => {
    const raw = (await signed(forged)).toString();
    for (const altered of [raw.replace('yours', 'ours'), raw.replace('Anna', 'Bank')]) {
      const { verdict, results } = await check(Buffer.from(altered));
      expect({ verdict, results }).toEqual({ verdict: 'fail', results: 'dmarc=fail, spf=fail, dkim=fail' });
    }
  });

  test('one that is unsigned and from another host fails, whatever the policy asks receivers to do', async () => {
    for (const policy of ['reject', 'none']) {
      const found = await check(unsigned(forged), {
        ...zone,
        'TXT _dmarc.customer.example': [[`v=DMARC1; p=${policy}`]],
      });
      expect(found).toMatchObject({ verdict: 'fail', results: 'dmarc=fail, spf=fail, dkim=none', verified: [] });
    }
  });

  test('the key is what the DNS says', async () => {
    expect(await check(await signed(forged, { pem: signingKey().pem }))).toMatchObject({ verdict: 'fail' });
    const name = 'TXT s1._domainkey.customer.example';
    for (const garbage of [
      [['v=DKIM1; p=']],
      [['v=DKIM1; k=rsa; p=!!!!']],
      [['']],
      [[]],
      [['v=DKIM1; p=AAAA']],
      ['x'.repeat(60_000)],
    ])
      expect(await check(await signed(forged), { ...zone, [name]: garbage })).toMatchObject({ verdict: 'fail' });
  });

  test('a stranger’s signature proves nothing, and nothing is asked of their servers', async () => {
    const raw = await signed({ top: [returnPath('x@evil.example'), elsewhere] }, { domain: 'evil.example' });
    const found = await check(raw, {
      ...zone,
      'TXT s1._domainkey.evil.example': [key.record],
      'TXT evil.example': [['v=spf1 +all']],
    });
    expect(found).toMatchObject({ verdict: 'fail', results: 'dmarc=fail, spf=none, dkim=none', verified: [] });
    expect(found.asked.filter((one) => one.includes('evil'))).toEqual([]);
  });

  test('a subdomain’s signature counts, unless the domain’s owner wants the very domain', async () => {
    const raw = await signed(forged, { domain: 'mail.customer.example' });
    const records = { ...zone, 'TXT s1._domainkey.mail.customer.example': [key.record] };
    expect(await check(raw, records)).toMatchObject({ verdict: 'pass' });
    const strict = { ...records, 'TXT _dmarc.customer.example': [['v=DMARC1; p=reject; adkim=s']] };
    expect(await check(raw, strict)).toMatchObject({ verdict: 'fail' });
  });

  test('a signature that leaves the end of the body open doesn’t count', async () => {
    const letter = { ...forged, body: 'Dear all,\r\n' };
    const raw = Buffer.concat([await signed(letter, { maxBodyLength: 8 }), Buffer.from('pay here\r\n')]);
    expect(await check(raw)).toMatchObject({ verdict: 'fail', results: 'dmarc=fail, spf=fail, dkim=policy' });
  });

  test('two From fields make signatures worthless', async () => {
    const raw = (await signed(forged))
      .toString()
      .replace('Return-Path', 'From: Boss <boss@customer.example>\r\nReturn-Path');
    expect(await check(Buffer.from(raw))).toMatchObject({
      verdict: 'fail',
      results: 'dmarc=fail, spf=fail, dkim=permerror',
    });
  });

  test('a thousand signatures cost as much as a few', async () => {
    const many = Array.from(
      { length: 1000 },
      (_, n) =>
        `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=customer.example; s=n${n}; l=${n}; h=from; bh=AAAA; b=AAAA`,
    );
    const letter = { ...forged, body: 'x'.repeat(78).concat('\r\n').repeat(50_000) };
    const raw = arrived([...many, text(letter)].join('\r\n'), letter);
    const began = performance.now();
    const found = await check(raw);
    expect(found).toMatchObject({ verdict: 'fail', results: 'dmarc=fail, spf=fail, dkim=fail' });
    expect(found.asked.filter((one) => one.includes('_domainkey'))).toHaveLength(5);
    expect(found.verified[0]).toHaveLength(5);
    // 4 MB take 0.1 s for each: a thousand would take minutes.
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test('a thousand signatures under one key are no way around that', async () => {
    const one = (n: number) =>
      `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=customer.example; s=s1; l=${n}; h=from; bh=AAAA; b=AAAA`;
    const raw = arrived([...Array.from({ length: 1000 }, (_, n) => one(n)), text(forged)].join('\r\n'), forged);
    const keys = new Map([['s1._domainkey.customer.example', [key.record]]]);
    expect(await verifySignatures(raw, keys)).toHaveLength(5);
  });

  test('a huge header is no way to escape the check', async () => {
    const filler = Array.from({ length: 20_000 }, (_, n) => `X-Filler-${n}: ${'x'.repeat(100)}`);
    const raw = (await signed(forged)).toString().replace('To: me@', `${filler.join('\r\n')}\r\nTo: me@`);
    expect(await check(Buffer.from(raw))).toMatchObject({
      verdict: 'fail',
      results: 'dmarc=fail, spf=fail, dkim=permerror',
      verified: [],
    });
  });
});

describe('the envelope', () => {
  test('a host that the domain names passes, a host that it doesn’t name fails', async () => {
    expect(await check(unsigned())).toMatchObject({ verdict: 'pass', results: 'dmarc=pass, spf=pass, dkim=none' });
    expect(await check(unsigned({ top: [returnPath('anna@customer.example'), local, received] }))).toMatchObject({
      verdict: 'pass',
    });
    expect(await check(unsigned(forged))).toMatchObject({ verdict: 'fail' });
  });

  test('another sender’s envelope proves nothing about From', async () => {
    const raw = unsigned({ top: [returnPath('x@evil.example'), received] });
    const found = await check(raw, { ...zone, 'TXT evil.example': [['v=spf1 +all']] });
    expect(found).toMatchObject({ verdict: 'fail', results: 'dmarc=fail, spf=none, dkim=none' });
  });

  test('what stands below the receiving side’s fields isn’t believed', async () => {
    const top = [elsewhere, returnPath('anna@customer.example'), received];
    expect(await check(unsigned({ top }))).toMatchObject({
      verdict: 'none',
      results: 'spf=none, dkim=none, came from an unknown address',
    });
    const lied = [returnPath('anna@customer.example'), elsewhere, local, received];
    expect(await check(unsigned({ top: lied }))).toMatchObject({ verdict: 'fail' });
  });

  test('a bounce is checked by the name that its host greeted with', async () => {
    const raw = unsigned({ top: [returnPath(''), received] });
    expect(
      await check(raw, {
        ...zone,
        'TXT out.customer.example': [['v=spf1 a -all']],
        'A out.customer.example': ['192.0.2.7'],
      }),
    ).toMatchObject({ verdict: 'pass' });
  });

  test.each([
    ['a private address', received.replace('192.0.2.7', '10.0.0.5')],
    ['mail that was fetched', received.replace('ESMTPS', 'POP3')],
    ['somebody who signed in', received.replace('ESMTPS', 'ESMTPSA')],
    ['somebody who signed in at Sendmail', received.replace('(Postfix)', '(8.17/8.17) (authenticated bits=0)')],
    [
      'a program on the machine',
      'Received: by mx.acme.example (Postfix, from userid 33); Mon, 1 Jun 2026 10:00:00 +0000',
    ],
    [
      'another organisation',
      received
        .replace('mx.acme.example', 'mx.evil.example')
        .replace('Received', 'Received: by mx.acme.example with LMTP;\r\nReceived'),
    ],
  ])('never fails on account of %s', async (_, line) => {
    expect(await check(unsigned({ top: [returnPath('anna@customer.example'), line] }))).toMatchObject({
      verdict: 'none',
    });
  });

  test('never fails what the mailbox’s own relay handed over, or a filter in front of its server', async () => {
    const own = unsigned({ top: [returnPath('anna@customer.example'), received.replace('192.0.2.7', '203.0.113.1')] });
    expect(await check(own)).toMatchObject({ verdict: 'none', results: 'spf=fail, dkim=none, came through a relay' });
    const filter = {
      ...zone,
      'MX acme.example': [{ exchange: 'in.filter.example', priority: 10 }],
      'A in.filter.example': ['203.0.113.9'],
      'PTR 66.100.51.198.in-addr.arpa': ['out.filter.example'],
      'A out.filter.example': ['198.51.100.66'],
    };
    expect(await check(unsigned(forged), filter)).toMatchObject({
      verdict: 'none',
      results: 'spf=fail, dkim=none, came through a relay',
    });
    // Anybody can call his own address so.
    expect(await check(unsigned(forged), { ...filter, 'A out.filter.example': ['203.0.113.10'] })).toMatchObject({
      verdict: 'fail',
    });
    expect(await check(unsigned(forged), { ...filter, 'PTR 66.100.51.198.in-addr.arpa': 'silence' })).toMatchObject({
      verdict: 'fail',
    });
  });
});

describe('a domain without a rule', () => {
  const noRule = without('TXT _dmarc.customer.example');
  test('is confirmed by what is aligned, and by nothing else', async () => {
    expect(await check(await signed(forged), noRule)).toMatchObject({
      verdict: 'pass',
      results: 'dmarc=none, spf=fail, dkim=pass',
    });
    expect(await check(unsigned(), noRule)).toMatchObject({
      verdict: 'pass',
      results: 'dmarc=none, spf=pass, dkim=none',
    });
    expect(await check(unsigned(forged), noRule)).toMatchObject({
      verdict: 'none',
      results: 'dmarc=none, spf=fail, dkim=none',
    });
  });
});

describe('From', () => {
  test('of several organisations fails without a question', async () => {
    const found = await check(unsigned({ from: 'Anna <anna@customer.example>, x@evil.example' }));
    expect(found).toMatchObject({ verdict: 'fail', results: 'From names several domains', asked: [] });
  });

  test('without a domain isn’t checked', async () => {
    expect(await check(unsigned({ from: 'Anna' }))).toMatchObject({ verdict: undefined, asked: [] });
  });
});

describe('a DNS in trouble', () => {
  test.each(['ESERVFAIL', 'ETIMEOUT', 'ECONNREFUSED', 'EREFUSED', 'silence'])('%s is never a fail', async (trouble) => {
    const whole = Object.fromEntries(Object.keys(zone).map((key) => [key, trouble]));
    for (const raw of [unsigned(forged), await signed(forged)]) {
      const found = await check(raw, { ...whole, '*': trouble });
      expect(found.verdict).toBe('none');
      expect(found.results).toContain('dns unavailable');
    }
    // Each by itself, and the others answer.
    for (const key of Object.keys(zone).filter((one) => !one.includes('_domainkey')))
      expect((await check(unsigned(forged), { ...zone, [key]: trouble })).verdict).toBe('none');
    expect(
      (await check(await signed(forged), { ...zone, 'TXT s1._domainkey.customer.example': trouble })).verdict,
    ).toBe('none');
  });

  test('a signature that passes counts though nothing else could be asked for', async () => {
    expect(
      await check(await signed(forged), { ...zone, 'TXT customer.example': 'silence', 'MX acme.example': 'silence' }),
    ).toMatchObject({ verdict: 'pass' });
  });

  test('is asked for so long in all, and not again for a while by whomever', async () => {
    const dns = fakeDns({ '*': 'silence' });
    let now = 0;
    const checks = createSenderChecks(dns.ask, { milliseconds: 300, now: () => now });
    const ask = async (domain: string) => {
      const before = dns.asked.length;
      const began = performance.now();
      const verdict = await checks.check(unsigned({ ...forged, from: `a@${domain}` }), trust, async () => []);
      expect(verdict).toMatchObject({ verdict: 'none', by: null });
      return { asked: dns.asked.length > before, took: performance.now() - began };
    };
    const first = await ask('one.example');
    expect(first.asked).toBe(true);
    expect(first.took).toBeLessThan(20_000);
    expect((await ask('one.example')).asked).toBe(false);
    expect((await ask('two.example')).asked).toBe(true);
    expect((await ask('three.example')).asked).toBe(false);
    now += 60_000;
    expect((await ask('three.example')).asked).toBe(true);
  });

  test('a domain whose records lead on and on is given up', async () => {
    const endless = {
      ...zone,
      '*': [
        [
          'v=spf1 include:%{i}.a.customer.example include:b.customer.example mx a ptr exists:%{l}.customer.example -all',
        ],
      ],
    };
    const found = await check(unsigned(forged), endless);
    expect(found.verdict).not.toBe('pass');
    expect(found.asked.length).toBeLessThan(80);
  });
});

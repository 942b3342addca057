import { expect, test } from 'vitest';
import { detect } from './detect.ts';
import { imapSettings } from './imap-settings.ts';
import { hintForHost, wellKnown } from './well-known.ts';

test.each([
  ['Anna@Gmail.com', 'imap.gmail.com', 'Anna@Gmail.com'],
  ['anna@googlemail.com', 'imap.gmail.com', 'anna@googlemail.com'],
  ['anna@hotmail.co.uk', 'outlook.office365.com', 'anna@hotmail.co.uk'],
  ['anna@outlook.de', 'outlook.office365.com', 'anna@outlook.de'],
  ['anna@firm.onmicrosoft.com', 'outlook.office365.com', 'anna@firm.onmicrosoft.com'],
  ['anna@yahoo.com.br', 'imap.mail.yahoo.com', 'anna@yahoo.com.br'],
  ['anna@free.fr', 'imap.free.fr', 'anna'],
  ['anna@wp.pl', 'imap.wp.pl', 'anna@wp.pl'],
  [' anna+x@t-online.de ', 'secureimap.t-online.de', 'anna+x@t-online.de'],
])('%s is at %s as %s', (address, host, user) => {
  expect(detect(address)).toMatchObject({ known: true, settings: { host, user } });
});

test('an own domain gets a likely server, said to be unknown', () => {
  expect(detect('anna@müller.example')).toMatchObject({
    known: false,
    name: 'xn--mller-kva.example',
    settings: { host: 'imap.xn--mller-kva.example', port: 993, security: 'tls', user: 'anna@müller.example' },
  });
  expect(detect('anna@notgmail.com').known).toBe(false);
  expect(detect('anna@gmail.com.evil.example').known).toBe(false);
});

test('Outlook says that no password will do, Gmail asks for an app password', () => {
  expect(detect('a@live.com').hint).toContain('switched off');
  expect(detect('a@gmail.com').hint).toContain('app password');
  expect(hintForHost('IMAP.gmail.com')).toContain('app password');
  expect(hintForHost('imap.unknown.example')).toBeUndefined();
});

test('what is no address is refused', () => {
  for (const text of ['', 'anna', 'anna@', '@gmail.com', 'anna@[192.0.2.1]'])
    expect(() => detect(text)).toThrow('not an email');
});

test('every line of the table gives settings that can be used, and no domain is there twice', () => {
  const domains = wellKnown.flatMap((entry) => entry.domains);
  expect(new Set(domains).size).toBe(domains.length);
  for (const domain of domains) {
    const { settings, known } = detect(`anna@${domain.replaceAll('*', 'zz')}`);
    expect(known, domain).toBe(true);
    expect(imapSettings.safeParse(settings).success, domain).toBe(true);
  }
});

import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { startCyrus } from './cyrus.ts';
import { startDovecot } from './dovecot.ts';

const message = (subject: string) => `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${subject}\r\n\r\nhello\r\n`;

async function subjects(port: number, ca: string, user: string): Promise<(string | undefined)[]> {
  const client = new ImapFlow({
    host: 'localhost',
    port,
    secure: true,
    tls: { ca },
    auth: { user, pass: 'secret' },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  const found: (string | undefined)[] = [];
  for await (const { envelope } of client.fetch('1:*', { envelope: true })) found.push(envelope?.subject);
  await client.logout();
  return found;
}

test('Dovecot takes a message by LMTP, gives it by IMAP over TLS, and starts again', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser('ann@letterlog.test');
  await dovecot.deliver(message('one'), 'ann@letterlog.test');
  expect(await subjects(dovecot.ports.imaps, dovecot.ca, 'ann@letterlog.test')).toEqual(['one']);
  expect(await dovecot.doveadm('fetch', '-u', 'ann@letterlog.test', 'hdr.subject', 'all')).toContain('one');
  await dovecot.stop();
  await dovecot.start();
  expect(await subjects(dovecot.ports.imaps, dovecot.ca, 'ann@letterlog.test')).toEqual(['one']);
});

test('Cyrus takes a message by LMTP and gives it by IMAP over TLS', async () => {
  await using cyrus = await startCyrus(['ann']);
  await cyrus.deliver(message('one'), 'ann');
  expect(await subjects(cyrus.ports.imaps, cyrus.ca, 'ann')).toEqual(['one']);
});

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishAnswerMap } from '../fixtures/answer-map.ts';
import { mail } from '../fixtures/mail.ts';
import { startDovecot } from '../servers/dovecot.ts';
import { type Office, mailboxOf, openOffice } from './office.ts';

let office: Office;

beforeAll(async () => {
  office = await openOffice();
  await publishAnswerMap(office.olivia);
  await office.dovecot.doveadm('mailbox', 'create', '-u', mailboxOf.olivia, 'Doomed');
  await office.connect('olivia', { folders: ['INBOX', 'Sent', 'Doomed'] });
}, 120_000);

afterAll(() => office?.[Symbol.asyncDispose]());

const settings = (more: object) => ({
  address: mailboxOf.max,
  provider: 'imap',
  sharing: 'everything',
  password: 'secret',
  settings: { host: 'localhost', port: office.dovecot.ports.imaps, security: 'tls', user: mailboxOf.max, ...more },
});

async function logOf(address: string): Promise<any[]> {
  const { items } = await office.olivia.get(`/contacts?q=${encodeURIComponent(address)}`);
  return (await office.olivia.get(`/contacts/${items[0].id}/log`)).items.filter(
    (item: any) => item.kind === 'email_sync',
  );
}

/** The rest goes on: mail that comes after the trouble is logged and fires. */
async function expectLife(): Promise<void> {
  const address = `alive${Date.now()}@customer.test`;
  const contact = await office.olivia.post('/contacts', { addresses: [address] });
  await office.dovecot.deliver(mail({ from: address, to: mailboxOf.olivia }), mailboxOf.olivia);
  await expect.poll(() => logOf(address)).toHaveLength(1);
  await expect.poll(async () => (await office.olivia.get(`/tasks?contactId=${contact.id}`)).items).toHaveLength(1);
}

test('a wrong password is refused in plain words', async () => {
  const attempt = office.max.post('/connections', { ...settings({}), password: 'wrong' });
  await expect(attempt).rejects.toThrow(/mailbox_refused.*refused this password/s);
});

test('a wrong host and a wrong port are said to be that', async () => {
  await expect(office.max.post('/connections', settings({ host: 'no-such-host.invalid' }))).rejects.toThrow(
    /mailbox_unreachable/,
  );
  await expect(office.max.post('/connections', settings({ port: 1 }))).rejects.toThrow(
    /mailbox_unreachable.*No IMAP server answers at localhost:1/s,
  );
});

test('a certificate for another name is refused', async () => {
  await using other = await startDovecot({ certificateFor: ['mail.elsewhere.test'] });
  await expect(office.max.post('/connections', settings({ port: other.ports.imaps }))).rejects.toThrow(
    /mailbox_insecure/,
  );
});

test('a server that stalls ends in a clear error', { timeout: 90_000 }, async () => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  await expect(office.max.post('/connections', settings({ port, security: 'plain' }))).rejects.toThrow(
    /mailbox_unreachable/,
  );
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('an internal host that is not allowed is refused', async () => {
  await expect(office.max.post('/connections', settings({ host: '127.0.0.2' }))).rejects.toThrow(/host_not_allowed/);
  await expect(office.max.post('/connections', settings({ host: '[::ffff:127.0.0.2]' }))).rejects.toThrow(
    /host_not_allowed|invalid/,
  );
  await expect(office.max.post('/connections', settings({ host: '169.254.169.254' }))).rejects.toThrow(
    /host_not_allowed/,
  );
});

test('a folder that vanishes stops nothing', async () => {
  await office.dovecot.doveadm('mailbox', 'delete', '-u', mailboxOf.olivia, 'Doomed');
  await expectLife();
});

test(
  'a message of 50 MB is logged, its attachment can be had whole, and memory stays bounded',
  { timeout: 120_000 },
  async () => {
    await office.olivia.post('/contacts', { addresses: ['big@customer.test'] });
    const content = Buffer.alloc(37_000_000, 'letterlog ');
    const text = mail({
      from: 'big@customer.test',
      to: mailboxOf.olivia,
      attachments: [{ filename: 'big.bin', contentType: 'application/octet-stream', content }],
    });
    expect(text.length).toBeGreaterThan(49_000_000);
    const before = await peakMemory(office.app.pid);
    await office.dovecot.deliver(text, mailboxOf.olivia);
    await expect.poll(() => logOf('big@customer.test')).toHaveLength(1);
    const [item] = await logOf('big@customer.test');
    const whole = await office.olivia.get(`/log/${item.id}`);
    expect(whole.message.attachments).toMatchObject([{ filename: 'big.bin', size: content.length }]);
    const risen = (await peakMemory(office.app.pid)) - before;
    console.log(`a 50 MB message raised the peak memory by ${Math.round(risen / 1e6)} MB`);
    expect(risen).toBeLessThan(200_000_000);
  },
);

test('large messages of which the parser wants only the beginning hold up no other large one', async () => {
  const addresses = ['parts@customer.test', 'large@customer.test'] as const;
  for (const address of addresses) await office.olivia.post('/contacts', { addresses: [address] });
  const parts = Array.from({ length: 1200 }, (_, n) => `--b\r\nContent-Type: image/png; name=p${n}\r\n\r\nx\r\n`);
  const head = `From: ${addresses[0]}\r\nTo: ${mailboxOf.olivia}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n`;
  const endless = `${head}${parts.join('')}--b\r\n\r\n${`${'y'.repeat(70)}\r\n`.repeat(60_000)}--b--\r\n`;
  for (let n = 1; n <= 4; n += 1) await office.dovecot.deliver(`X-Number: ${n}\r\n${endless}`, mailboxOf.olivia);
  const large = mail({ from: addresses[1], to: mailboxOf.olivia, text: 'Hello\r\n'.repeat(300_000) });
  await office.dovecot.deliver(large, mailboxOf.olivia);
  await expect.poll(() => logOf(addresses[0])).toHaveLength(1);
  await expect.poll(() => logOf(addresses[1])).toHaveLength(1);
  await expectLife();
});

test('malformed MIME, a missing and a reused Message-ID, and several senders are each logged', async () => {
  const addresses = ['mime', 'noid', 'reused', 'first', 'second'].map((name) => `${name}@customer.test`);
  for (const address of addresses) await office.olivia.post('/contacts', { addresses: [address] });
  const [mime, noid, reused, first, second] = addresses as [string, string, string, string, string];
  await office.dovecot.deliver(
    `From: ${mime}\r\nTo: ${mailboxOf.olivia}\r\nSubject: =?utf-8?B?broken\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\u0000\u00ff not base64\r\n`,
    mailboxOf.olivia,
  );
  const noId = (subject: string) => mail({ from: noid, to: mailboxOf.olivia, messageId: null, subject });
  await office.dovecot.deliver(noId('One'), mailboxOf.olivia);
  await office.dovecot.deliver(noId('Two'), mailboxOf.olivia);
  const sameId = (subject: string, date: string) =>
    mail({ from: reused, to: mailboxOf.olivia, messageId: 'reused@x', subject, date: new Date(date) });
  await office.dovecot.deliver(sameId('One', '2026-11-01T10:00:00Z'), mailboxOf.olivia);
  await office.dovecot.deliver(sameId('Two', '2026-11-01T10:00:01Z'), mailboxOf.olivia);
  await office.dovecot.deliver(mail({ from: `${first}, ${second}`, to: mailboxOf.olivia }), mailboxOf.olivia);
  await expect.poll(() => logOf(mime)).toHaveLength(1);
  await expect.poll(() => logOf(noid)).toHaveLength(2);
  await expect.poll(() => logOf(reused)).toHaveLength(2);
  await expect.poll(() => logOf(first)).toHaveLength(1);
  await expect.poll(() => logOf(second)).toHaveLength(1);
  await expectLife();
});

test('each contact among 10,000 recipients gets the item', async () => {
  const contacts = Array.from({ length: 20 }, (_, index) => `crowd${index * 500}@customer.test`);
  for (const address of contacts) await office.olivia.post('/contacts', { addresses: [address] });
  const crowd = Array.from({ length: 10_000 }, (_, index) => `Person ${index} <crowd${index}@customer.test>`);
  await office.dovecot.deliver(mail({ from: 'someone@elsewhere.test', to: crowd }), mailboxOf.olivia);
  for (const address of contacts) await expect.poll(() => logOf(address)).toHaveLength(1);
  await expectLife();
});

/** The process's peak resident memory in bytes (Linux, VmHWM). */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

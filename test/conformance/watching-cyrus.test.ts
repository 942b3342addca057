import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { createAddressGuard } from '../../src/net/guard.ts';
import { imapProvider } from '../../src/providers/imap/provider.ts';
import { startCyrus } from '../servers/cyrus.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { message } from './provider-suite.ts';

test('Cyrus, which has no NOTIFY, is asked for all folders in one command', async () => {
  const user = 'ann';
  await using cyrus = await startCyrus([user]);
  const auth = { user, pass: 'secret' };
  const client = new ImapFlow({
    host: 'localhost',
    port: cyrus.ports.imap,
    secure: false,
    doSTARTTLS: false,
    auth,
    logger: false,
  });
  await client.connect();
  await client.mailboxCreate('Verträge');
  const commands: string[] = [];
  await using proxy = await startFaultProxy({ port: cyrus.ports.imap }, (chunk, direction) => {
    if (direction === 'up') commands.push(...chunk.toString().trim().split('\r\n'));
  });
  const mailbox = await imapProvider({ guard: createAddressGuard(['localhost']), pollSeconds: 0.5 }).open(
    { host: 'localhost', port: proxy.port, security: 'plain', user },
    { password: 'secret' },
  );
  const wakes: string[] = [];
  const stop = await mailbox.watch(
    ['INBOX', 'Sent', 'Verträge'].map((ref) => ({ ref, folders: [ref] })),
    (stream) => wakes.push(stream.ref),
    (error) => wakes.push(error.message),
  );
  await expect.poll(() => wakes).toHaveLength(3);
  for (const folder of ['INBOX', 'Sent', 'Verträge']) {
    [wakes.length, commands.length] = [0, 0];
    await client.append(folder, message('news'));
    await expect.poll(() => new Set(wakes)).toEqual(new Set([folder]));
  }
  await expect.poll(() => commands.some((line) => / LIST "" \(/.test(line))).toBe(true);
  expect(commands.filter((line) => / STATUS "?(?:Sent|Vertr)/.test(line))).toEqual([]);
  await stop();
  await mailbox.close();
  client.close();
});

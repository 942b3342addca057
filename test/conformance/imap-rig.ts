import { ImapFlow } from 'imapflow';
import { createAddressGuard } from '../../src/net/guard.ts';
import { type ImapOptions, imapProvider } from '../../src/providers/imap/provider.ts';
import type { Dovecot } from '../servers/dovecot.ts';
import type { Rig } from './provider-suite.ts';

const waiting = new WeakMap<Dovecot, string[]>();

/** Makes mailboxes ahead: Dovecot looks at its list of users once a second only, so that a new one would be refused. */
export async function makeUsers(dovecot: Dovecot, count: number, password = 'secret'): Promise<string[]> {
  const users = waiting.get(dovecot) ?? [];
  waiting.set(dovecot, users);
  const made = Array.from({ length: count }, (_, index) => `user${users.length + index}@test.example`);
  for (const user of made) await dovecot.addUser(user, password);
  users.push(...made);
  return made;
}

/** An empty mailbox of its own on Dovecot. The test works on it by a second connection and by doveadm. */
export async function imapRig(
  dovecot: Dovecot,
  options: Partial<ImapOptions> = {},
): Promise<Rig & { user: string; client: ImapFlow }> {
  const user = waiting.get(dovecot)?.shift();
  if (!user) throw new Error('makeUsers() made too few users');
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: dovecot.ports.imap,
    secure: false,
    doSTARTTLS: false,
    auth: { user, pass: 'secret' },
    logger: false,
  });
  client.on('error', () => undefined);
  await client.connect();
  const inFolder = async <T>(folder: string, task: () => Promise<T>): Promise<T> => {
    const lock = await client.getMailboxLock(folder);
    try {
      return await task();
    } finally {
      lock.release();
    }
  };
  const find = (messageId: string) => ({ header: { 'message-id': messageId } });
  return {
    user,
    client,
    provider: imapProvider({ guard: createAddressGuard(['localhost', '127.0.0.1']), ca: dovecot.ca, ...options }),
    settings: { host: 'localhost', port: dovecot.ports.imaps, security: 'tls', user },
    credentials: { password: 'secret' },
    wrongCredentials: { password: 'wrong-pässword' },
    address: user,
    pageSize: 500,
    createFolder: async (ref) => void (await client.mailboxCreate(ref)),
    deleteFolder: async (ref) => void (await client.mailboxDelete(ref)),
    renameFolder: async (ref, to) => void (await client.mailboxRename(ref, to)),
    append: async (folder, raw, { receivedAt, flags = [] } = {}) =>
      void (await client.append(folder, raw, flags, receivedAt)),
    remove: (folder, messageId) => inFolder(folder, async () => void (await client.messageDelete(find(messageId)))),
    move: (folder, messageId, to) => inFolder(folder, async () => void (await client.messageMove(find(messageId), to))),
    renewEpoch: async (folder) => {
      const next = String(
        Number(((await client.status(folder, { uidValidity: true })) as { uidValidity: bigint }).uidValidity) + 1000,
      );
      await dovecot.doveadm('mailbox', 'update', '--uid-validity', next, '-u', user, folder);
    },
    state: () => dovecot.doveadm('-f', 'tab', 'fetch', '-u', user, 'mailbox uid guid flags modseq', 'ALL'),
    close: async () => client.close(),
  };
}

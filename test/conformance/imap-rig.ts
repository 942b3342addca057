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
export async function imapRig(dovecot: Dovecot, options: Partial<ImapOptions> = {}): Promise<ClientRig> {
  const user = waiting.get(dovecot)?.shift();
  if (!user) throw new Error('makeUsers() made too few users');
  const rig = await clientRig({ port: dovecot.ports.imaps, ca: dovecot.ca, user }, options);
  return {
    ...rig,
    address: user,
    renewEpoch: async (folder) => {
      const { uidValidity } = (await rig.client.status(folder, { uidValidity: true })) as { uidValidity: bigint };
      const next = String(uidValidity + 1000n);
      await dovecot.doveadm('mailbox', 'update', '--uid-validity', next, '-u', user, folder);
    },
    state: () => dovecot.doveadm('-f', 'tab', 'fetch', '-u', user, 'mailbox uid guid flags modseq', 'ALL'),
  };
}

export type ClientRig = Rig & { user: string; client: ImapFlow };

/** What can be done to a mailbox of any server by IMAP itself, over a second connection. The password is 'secret'. */
export async function clientRig(
  { port, ca, user }: { port: number; ca: string; user: string },
  options: Partial<ImapOptions> = {},
): Promise<Omit<ClientRig, 'renewEpoch' | 'state'>> {
  const client = new ImapFlow({
    host: 'localhost',
    port,
    secure: true,
    tls: { ca },
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
    provider: imapProvider({ guard: createAddressGuard(['localhost', '127.0.0.1']), ca, ...options }),
    settings: { host: 'localhost', port, security: 'tls', user },
    credentials: { password: 'secret' },
    wrongCredentials: { password: 'wrong-pässword' },
    // A bare name is no address.
    address: '',
    pageSize: 500,
    createFolder: async (ref) => void (await client.mailboxCreate(ref)),
    deleteFolder: async (ref) => void (await client.mailboxDelete(ref)),
    renameFolder: async (ref, to) => void (await client.mailboxRename(ref, to)),
    append: async (folder, raw, { receivedAt, flags = [] } = {}) =>
      void (await client.append(folder, raw, flags, receivedAt)),
    remove: (folder, messageId) => inFolder(folder, async () => void (await client.messageDelete(find(messageId)))),
    move: (folder, messageId, to) => inFolder(folder, async () => void (await client.messageMove(find(messageId), to))),
    close: async () => client.close(),
  };
}

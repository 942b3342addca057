import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Courier, startCourier } from '../servers/courier.ts';
import { clientRig } from '../conformance/imap-rig.ts';
import { providerSuite, type Rig } from '../conformance/provider-suite.ts';

let courier: Courier;
let users = 0;
beforeAll(async () => {
  courier = await startCourier();
});
afterAll(() => courier[Symbol.asyncDispose]());

providerSuite('IMAP on Courier', async (): Promise<Rig> => {
  const user = `user${(users += 1)}`;
  await courier.addUser(user);
  const maildir = courier.maildir(user);
  const folderOf = (ref: string) => path.join(maildir, ref === 'INBOX' ? '' : ref.replace(/^INBOX/, ''));
  return {
    ...(await clientRig({ port: courier.ports.imaps, ca: courier.ca, user }, { pollSeconds: 0.5 })),
    differences: { prefix: 'INBOX.', renumbersOnRename: true },
    renewEpoch: async (ref) => {
      const file = path.join(folderOf(ref), 'courierimapuiddb');
      const [first = '', ...rest] = (await readFile(file, 'utf8')).split('\n');
      const [version, uidValidity, ...more] = first.split(' ');
      await writeFile(file, [[version, Number(uidValidity) + 1000, ...more].join(' '), ...rest].join('\n'));
    },
    // The names of the files hold the flags.
    state: async () =>
      (await readdir(maildir, { recursive: true }))
        .filter((file) => /\/(?:cur|new)\/|^(?:cur|new)\//.test(file))
        .map((file) => path.basename(file))
        .sort()
        .join('\n'),
  };
});

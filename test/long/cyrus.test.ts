import { afterAll, beforeAll, expect } from 'vitest';
import { clientRig } from '../conformance/imap-rig.ts';
import { providerSuite, type Rig } from '../conformance/provider-suite.ts';
import { type Cyrus, startCyrus } from '../servers/cyrus.ts';

let cyrus: Cyrus;
const users = Array.from({ length: 30 }, (_, index) => `user${index}`);
beforeAll(async () => {
  cyrus = await startCyrus([...users]);
});
afterAll(() => cyrus[Symbol.asyncDispose]());

providerSuite('IMAP on Cyrus', async (): Promise<Rig> => {
  const user = users.shift()!;
  const rig = await clientRig({ port: cyrus.ports.imaps, ca: cyrus.ca, user }, { pollSeconds: 0.5 });
  const { client } = rig;
  return {
    ...rig,
    renewEpoch: async (folder) => {
      expect(folder).toBe('INBOX');
      await cyrus.renumberInbox(user);
    },
    state: async () => {
      const rows: string[] = [];
      for (const { path } of await client.list()) {
        await client.mailboxOpen(path, { readOnly: true });
        for await (const { uid, modseq, flags } of client.fetch('1:*', { uid: true, flags: true }))
          rows.push(`${path} ${uid} ${modseq} ${[...(flags ?? [])].sort().join(' ')}`);
      }
      return rows.sort().join('\n');
    },
  };
});

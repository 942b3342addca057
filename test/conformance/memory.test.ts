import { memoryProvider } from '../../src/providers/memory/provider.ts';
import { MemoryServer } from '../../src/providers/memory/server.ts';
import type { Place } from '../../src/providers/provider.ts';
import { parseHead } from '../../src/mail/parse-head.ts';
import { providerSuite } from './provider-suite.ts';

providerSuite('memory', async () => {
  const server = new MemoryServer();
  const mailbox = server.mailbox('bob@test.example');
  const place = (folder: string, messageId: string): Place => {
    const { epoch, messages } = mailbox.folders.get(folder)!;
    const found = [...messages.values()].find((message) => parseHead(message.raw).messageId === messageId)!;
    return { folder, epoch: String(epoch), ref: String(found.uid) };
  };
  return {
    provider: memoryProvider(server, { pageSize: 5 }),
    settings: { user: 'bob@test.example' },
    credentials: { password: 'secret' },
    wrongCredentials: { password: 'wrong' },
    address: 'bob@test.example',
    pageSize: 5,
    createFolder: async (ref) => void mailbox.createFolder(ref),
    deleteFolder: async (ref) => mailbox.deleteFolder(ref),
    renameFolder: async (ref, to) => mailbox.renameFolder(ref, to),
    append: async (folder, raw, options) => void mailbox.append(folder, raw, options),
    remove: async (folder, messageId) => mailbox.delete(place(folder, messageId)),
    move: async (folder, messageId, to) => void mailbox.move(place(folder, messageId), to),
    renewEpoch: async (folder) => mailbox.renewEpoch(folder),
    state: async () =>
      JSON.stringify([...mailbox.folders.values()].map((folder) => [folder.ref, [...folder.messages.values()]])),
    close: async () => undefined,
  };
});

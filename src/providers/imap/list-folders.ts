import { type Folder, ProviderError } from '../provider.ts';
import type { Sessions } from './sessions.ts';
import { toFolder } from './translate.ts';

/** Each folder costs a round trip at connecting, and a line in a list for people. */
const mostFolders = 5000;
const mostBytes = 16 * 1024 * 1024;
/** UTF-16 units; PostgreSQL's indexes take rows of 2,700 bytes. */
const longestName = 600;

/**
 * The mailbox's folders, each once. Names that nothing can hold are left out: empty, far too long or with control characters (RFC 9051, 5.1.1 forbids those). Throws
 * ProviderError 'unsupported' for more than 5,000, 'protocol' for a list that doesn't end.
 */
export async function listFolders(sessions: Sessions): Promise<Folder[]> {
  const listed = await sessions.run(null, (client) => client.list(), { mostBytes });
  const folders = new Map<string, Folder>();
  for (const folder of listed.map(toFolder)) {
    if (/^\P{Cc}+$/u.test(folder.ref) && folder.ref.length <= longestName && folder.ref.isWellFormed())
      folders.set(folder.ref, folders.get(folder.ref) ?? folder);
  }
  if (folders.size > mostFolders)
    throw new ProviderError('unsupported', `This mailbox has more than ${mostFolders.toLocaleString('en')} folders.`);
  return [...folders.values()];
}

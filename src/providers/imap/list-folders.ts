import type { ImapFlow, ListResponse } from 'imapflow';
import { type Folder, ProviderError } from '../provider.ts';
import type { Sessions } from './sessions.ts';
import { isCanonical, nameAsListed, toFolder, unaskable } from './translate.ts';

/** Each folder costs a round trip at connecting, and a line in a list for people. */
const mostFolders = 5000;
const mostBytes = 16 * 1024 * 1024;
/** UTF-16 units; PostgreSQL's indexes take rows of 2,700 bytes. */
const longestName = 600;

/**
 * The mailbox's folders, each once; those whose names can't be asked for are not selectable. Names that nothing can hold are left out: empty, far too long or with control characters (RFC 9051, 5.1.1 forbids those). Throws
 * ProviderError 'unsupported' for more than 5,000, 'protocol' for a list that doesn't end.
 */
export async function listFolders(sessions: Sessions): Promise<Folder[]> {
  const named = await sessions.run(null, async (client) => byName(client, await client.list()), { mostBytes });
  const folders = new Map<string, Folder>();
  for (const folder of named) {
    if (/^\P{Cc}+$/u.test(folder.name) && folder.ref.length <= longestName && folder.ref.isWellFormed())
      folders.set(folder.ref, folder);
  }
  if (folders.size > mostFolders)
    throw new ProviderError('unsupported', `This mailbox has more than ${mostFolders.toLocaleString('en')} folders.`);
  return [...folders.values()];
}

/** One for each name of the server's: two that are asked for alike are two folders, and only the first can be had. */
function byName(client: ImapFlow, listed: readonly ListResponse[]): Folder[] {
  const folders = new Map<string, Folder>();
  const refs = new Set<string>();
  for (const entry of listed) {
    const name = nameAsListed(entry);
    if (folders.has(name)) continue;
    const folder = isCanonical(client, entry) && !refs.has(entry.path) ? toFolder(entry) : unaskable(entry);
    folders.set(name, folder);
    refs.add(folder.ref);
  }
  return [...folders.values()];
}

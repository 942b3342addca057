import type { ImapFlow } from 'imapflow';
import { encodePath } from 'imapflow/lib/tools.js';
import { isLost } from './errors.ts';
import { hasListStatus, sizeOf } from './folder-states.ts';
import { atom, execute, onUntagged } from './untyped.ts';

const longestNames = 6000;

/**
 * NOTIFY (RFC 5465): the server tells on this connection, also in IDLE, when messages come to or leave these folders or the open one. `news` carries no data;
 * which folder it was is asked by LIST-STATUS, so that a STATUS of one folder is never mistaken for that of another. False: the server doesn't do it.
 */
export async function notify(client: ImapFlow, folders: string[], news: () => void): Promise<boolean> {
  if (!client.capabilities.has('NOTIFY') || !hasListStatus(client)) return false;
  if (folders.length === 0 || sizeOf(client, folders) > longestNames) return false;
  const events = [atom('MessageNew'), atom('MessageExpunge')];
  const names = folders.map((folder) => encodePath(client, folder));
  // Dovecot 2.3 never tells of a folder that was named to it in UTF-7: then it is to tell of all the user's own, and the asking sorts them out.
  const encoded = names.some((name, index) => name !== folders[index]);
  onUntagged(client, 'STATUS', news);
  try {
    // "delayed": sequence numbers stay what they are while a command reads by them.
    await execute(client, 'NOTIFY', [
      atom('SET'),
      [atom('SELECTED-DELAYED'), events],
      [atom('MAILBOXES'), names, events],
      ...(encoded ? [[atom('PERSONAL'), events]] : []),
    ]);
    return true;
  } catch (error) {
    if (isLost(error)) throw error;
    return false;
  }
}

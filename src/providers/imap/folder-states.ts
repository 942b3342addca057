import type { ImapFlow, StatusObject } from 'imapflow';
import { decodePath, encodePath } from 'imapflow/lib/tools.js';
import { isLost } from './errors.ts';
import type { Sessions } from './sessions.ts';
import { atom, type Attribute, execute } from './untyped.ts';

/** What tells whether a folder is as it was. `uidNext` is missing where the server does not tell it. */
export type FolderState = Pick<StatusObject, 'uidNext' | 'uidValidity' | 'messages'>;

const query = { uidNext: true, uidValidity: true, messages: true };
/** Characters of the names in one command: servers hang up on commands that are too long for them (RFC 2683, 3.2.1.5 advises 1,000). */
const longestNames = 900;

/**
 * The states of these folders: of some dozens in one round trip where the server has LIST-STATUS (RFC 5819), else one STATUS each. Its cost follows the number of
 * folders asked for, not the size or number of the mailbox's others. null: the folder is no more, or can't be opened.
 */
export function folderStates(sessions: Sessions, folders: string[]): Promise<Map<string, FolderState | null>> {
  return sessions.run(null, async (client) => {
    // Of the folder that is open, servers tell what they told last (RFC 9051, 6.3.11 advises against asking), unless they are made to look.
    if (client.mailbox) await client.noop();
    const found = new Map<string, FolderState | null>();
    let rest = folders;
    while (rest.length > 1 && hasListStatus(client)) {
      const part = beginningOf(client, rest);
      const listed = await listStatus(client, part);
      if (!listed) break;
      for (const [folder, state] of listed) found.set(folder, state);
      rest = rest.slice(part.length);
    }
    for (const folder of rest) {
      const status = await client.status(folder, query).catch((error: { code?: string }) => {
        if (error.code === 'NotFound') return null;
        throw error;
      });
      found.set(folder, status || null);
    }
    return found;
  });
}

export function hasListStatus({ capabilities, enabled }: ImapFlow): boolean {
  return enabled.has('IMAP4REV2') || (capabilities.has('LIST-STATUS') && capabilities.has('LIST-EXTENDED'));
}

/** Characters that the names take on the wire. */
export function sizeOf(client: ImapFlow, folders: string[]): number {
  return folders.reduce((sum, folder) => sum + encodePath(client, folder).length + 3, 0);
}

function beginningOf(client: ImapFlow, folders: string[]): string[] {
  let part = folders;
  while (part.length > 1 && sizeOf(client, part) > longestNames) part = part.slice(0, part.length >> 1);
  return part;
}

/** null: the server does not understand it although it says so. */
async function listStatus(client: ImapFlow, folders: string[]): Promise<Map<string, FolderState | null> | null> {
  const found = new Map<string, FolderState | null>(folders.map((folder) => [folder, null]));
  const names = folders.map((folder) => encodePath(client, folder));
  const items = ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY'].map(atom);
  try {
    await execute(client, 'LIST', ['', names, atom('RETURN'), [atom('STATUS'), items]], {
      LIST: async () => undefined,
      STATUS: async ({ attributes = [] }) => {
        const [name, values] = attributes;
        const folder = decodePath(client, textOf(name));
        // A name with "*" or "%" is a pattern and may answer for more.
        if (found.has(folder) && Array.isArray(values)) found.set(folder, stateOf(values));
      },
    });
    return found;
  } catch (error) {
    if (isLost(error)) throw error;
    return null;
  }
}

function stateOf(values: Attribute[]): FolderState {
  const items = new Map<string, string>();
  for (let at = 0; at + 1 < values.length; at += 2) items.set(textOf(values[at]).toUpperCase(), textOf(values[at + 1]));
  const state: FolderState = {};
  if (/^\d{1,10}$/.test(items.get('MESSAGES') ?? '')) state.messages = Number(items.get('MESSAGES'));
  if (/^\d{1,10}$/.test(items.get('UIDNEXT') ?? '')) state.uidNext = Number(items.get('UIDNEXT'));
  if (/^\d{1,20}$/.test(items.get('UIDVALIDITY') ?? '')) state.uidValidity = BigInt(items.get('UIDVALIDITY')!);
  return state;
}

function textOf(attribute: Attribute | undefined): string {
  return attribute === undefined || Array.isArray(attribute) ? '' : String(attribute.value ?? '');
}

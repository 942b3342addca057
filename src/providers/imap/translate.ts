import type { ImapFlow, ListResponse } from 'imapflow';
import { decodePath, encodePath } from 'imapflow/lib/tools.js';
import { parseHead } from '../../mail/parse-head.ts';
import type { Folder, FolderRole, Listed } from '../provider.ts';
import type { HeadRow } from './head-rows.ts';

const roles: Record<string, FolderRole> = {
  '\\Inbox': 'inbox',
  '\\Sent': 'sent',
  '\\Drafts': 'drafts',
  '\\Archive': 'archive',
  '\\All': 'all',
  '\\Junk': 'junk',
  '\\Trash': 'trash',
  '\\Flagged': 'flagged',
};

/** Before a name that can't be asked for: no other ref has control characters (RFC 9051, 5.1.1). */
const mark = '\u0002';

/** The name as it came, INBOX in its one form (RFC 9051, 5.1). */
export function nameAsListed({ path, pathAsListed = path }: ListResponse): string {
  return pathAsListed.toUpperCase() === 'INBOX' ? 'INBOX' : pathAsListed;
}

/**
 * Whether the decoded name goes out as the server wrote it. What is no canonical modified UTF-7 (RFC 3501, 5.1.3) would open another folder, or none.
 */
export function isCanonical(client: ImapFlow, entry: ListResponse): boolean {
  const name = nameAsListed(entry);
  return encodePath(client, decodePath(client, name)) === name;
}

/** A folder that can be shown, but not be asked for: imapflow encodes each name that it is given. */
export function unaskable(entry: ListResponse): Folder {
  const path = nameAsListed(entry);
  const folder = toFolder({ ...entry, path });
  return { ...folder, ref: mark + path, role: null, selectable: false };
}

/** Where the server names no special use, imapflow knows the names in many languages. */
export function toFolder(entry: ListResponse): Folder {
  const { path, delimiter, specialUse, flags } = entry;
  return {
    ref: path,
    name: delimiter && delimiter !== '/' ? path.split(delimiter).join('/') : path,
    role: (specialUse && roles[specialUse]) || null,
    selectable: ![...flags].some((flag) => /^\\no(?:select|nexistent)$/i.test(flag)),
  };
}

/** A row that was fetched with its head. Gmail says of a message in All Mail that it is a draft by a label. */
export function toListed(row: HeadRow, folder: string, epoch: string): Listed {
  return {
    places: [{ folder, epoch, ref: String(row.uid) }],
    receivedAt: toDate(row.internalDate),
    size: row.size ?? null,
    flags: [...(row.flags ?? []), ...[...(row.labels ?? [])].filter((label) => label === '\\Draft')],
    head: parseHead(row.headers ?? new Uint8Array()),
  };
}

/** Null for what is no date, and for years of more or less than four digits (RFC 9051, 9, date-year), which V8 reads all the same. */
export function toDate(value: Date | string | undefined): Date | null {
  if (value === undefined) return null;
  const date = new Date(value);
  const year = date.getUTCFullYear();
  return year >= 1000 && year <= 9999 ? date : null;
}

import { AppError } from '../errors.ts';
import { addressKey } from '../mail/address.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Cursor, Folder, Mailbox, Stream } from '../providers/provider.ts';

export interface Survey {
  aliasKeys: string[];
  folders: Folder[];
  /** Each with its cursor of now. */
  streams: { stream: Stream; cursor: Cursor }[];
}

/**
 * What a mailbox is when it is connected: its aliases, its folders, and a cursor for every stream. Throws AppError 'mailbox_refused' when it is another mailbox than
 * that of `address`, and ProviderError.
 */
export async function surveyMailbox(mailbox: Mailbox, address: string): Promise<Survey> {
  const aliasKeys = await requireMailboxOf(mailbox, address);
  const folders = await mailbox.folders();
  if (folders.length === 0) throw new ProviderError('protocol', 'The server lists no folders for this mailbox.');
  const streams: Survey['streams'] = [];
  let refused: ProviderError | null = null;
  for (const stream of mailbox.streams(folders.filter((folder) => folder.selectable))) {
    const start = await startOf(mailbox, stream);
    if (typeof start === 'string') streams.push({ stream, cursor: start });
    else refused ??= start;
  }
  if (streams.length === 0 && refused) throw refused;
  return { aliasKeys, folders, streams };
}

/** Throws AppError 'mailbox_refused' unless the open mailbox is that of `address`; answers the keys of its aliases. */
export async function requireMailboxOf(mailbox: Mailbox, address: string): Promise<string[]> {
  const identity = await mailbox.whoami();
  const aliasKeys = [identity.address, ...identity.aliases].flatMap((alias) => addressKey(alias) ?? []);
  // A server that knows the user by a bare name (IMAP) can't say which address that is: then the user's word counts.
  if (addressKey(identity.address) === null || aliasKeys.includes(addressKey(address)!)) return aliasKeys;
  throw new AppError('mailbox_refused', `This sign-in is for ${identity.address}, not for ${address.trim()}.`, {
    hint: `Sign in as ${address.trim()}, or connect ${identity.address} instead.`,
  });
}

/** The stream's cursor, or why there is none: a folder that went meanwhile, or that the server lists but won't open. */
async function startOf(mailbox: Mailbox, stream: Stream): Promise<Cursor | ProviderError> {
  try {
    return await mailbox.start(stream);
  } catch (error) {
    const ofFolder =
      error instanceof ProviderError && (error.kind === 'gone' || error.kind === 'unsupported' || error.folderOnly);
    if (ofFolder) return error;
    throw error;
  }
}

import type { FetchMessageObject, FetchQueryObject, ImapFlow } from 'imapflow';
import { ProviderError } from '../provider.ts';
import type { RawError } from './errors.ts';
import { inCommands, packUids } from './ranges.ts';

const longestWords = 200;
/** Codes of a refusal that isn't about a message (RFC 5530, RFC 9051): the folder is gone or closed to us, or we are to wait. */
const ofTheFolder = new Set(['NONEXISTENT', 'TRYCREATE', 'NOPERM', 'THROTTLED']);

/** The server refused what it was asked about messages of a folder that it had opened: one of them may be the reason. */
export class Refused extends ProviderError {
  /** What the server said, quoted, in one line; '' where it said nothing. */
  readonly words: string;

  constructor(words: string) {
    super('transient', `The server refuses to give this message${words && `: ${words}`}.`, { folderOnly: true });
    this.words = words;
  }
}

/** The rows of answers to UID FETCH about these UIDs (ascending), in commands of bounded length. Throws Refused on NO or BAD, else what imapflow throws. */
export async function* fetchRows(
  client: ImapFlow,
  uids: number[],
  query: FetchQueryObject,
): AsyncGenerator<FetchMessageObject> {
  try {
    for (const part of inCommands(uids)) yield* client.fetch(packUids(part), query, { uid: true });
  } catch (error) {
    throw isRefusal(error as RawError) ? new Refused(quoted((error as RawError).responseText ?? '')) : error;
  }
}

function isRefusal({ responseStatus, serverResponseCode = '', code, mailboxMissing }: RawError): boolean {
  if (responseStatus !== 'NO' && responseStatus !== 'BAD') return false;
  return code !== 'ETHROTTLE' && !mailboxMissing && !ofTheFolder.has(serverResponseCode);
}

/** A fetch carries no secret that an answer could repeat. */
function quoted(text: string): string {
  const line = text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, longestWords)
    .toWellFormed();
  return line && `“${line}”`;
}

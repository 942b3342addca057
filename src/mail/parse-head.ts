import { createHash } from 'node:crypto';
import { decodeText } from './decode-text.ts';
import type { Head, TraceField } from './head.ts';
import { parseAddresses } from './parse-addresses.ts';
import { parseDate } from './parse-date.ts';
import { firstFields, isList, listFieldNames } from './recognise.ts';

/** The fields that a Head is made of: what to ask a server for, so that the result is the same as from the whole header. */
export const headFields = [
  'Message-ID',
  'Date',
  'Subject',
  'From',
  'To',
  'Cc',
  'Bcc',
  'Reply-To',
  'In-Reply-To',
  'References',
  'Received',
  'Authentication-Results',
  ...listFieldNames,
];

const wanted = new Set(headFields.map((name) => name.toLowerCase()));
const longestId = 998;
const longestSubject = 4000;
const mostReferences = 100;
/** Only what the receiving side wrote is looked at, which is far above. */
const mostTrace = 40;
const longestTrace = 8 * 1024 + 1;
/** Characters of a field that are read: a thousand lines of the longest that there may be (RFC 5322, 2.1.1), room for 10,000 recipients with their names. */
const longestField = 1024 * 1024;
/** Bytes of a header that are read, as in parseMessage(). Servers let far shorter ones in. */
const longestHead = 8 * 1024 * 1024;
const longestName = 80;
/** RFC 5322, 3.6, allows none. */
const mostRepeated = 20;

/**
 * Reads a header: of a whole message (what follows the empty line is ignored), or only its `headFields`. Never throws: malformed fields come out
 * empty or null. Repeated address fields are joined; of all else the first counts (of Received it is the latest).
 */
export function parseHead(rawHeader: Uint8Array): Head {
  const { fields, trace } = readFields(rawHeader);
  const first = (name: string) => {
    const folded = fields.get(name)?.[0];
    return folded === undefined ? undefined : unfold(folded);
  };
  const addresses = (name: string) => fields.get(name)?.flatMap((folded) => parseAddresses(unfold(folded))) ?? [];
  const received = first('received');
  return {
    messageId: messageIds(first('message-id') ?? '')[0] ?? null,
    date: parseDate(first('date') ?? ''),
    subject: decodeText(first('subject') ?? '')
      .slice(0, longestSubject)
      .toWellFormed(),
    from: addresses('from'),
    to: addresses('to'),
    cc: addresses('cc'),
    bcc: addresses('bcc'),
    replyTo: addresses('reply-to'),
    inReplyTo: messageIds(first('in-reply-to') ?? '')[0] ?? null,
    references: references(first('references') ?? ''),
    receivedDate: received === undefined ? null : parseDate(received.slice(received.lastIndexOf(';') + 1)),
    trace,
    list: isList(firstFields([...fields].map(([name, [value]]) => [name, value!] as const))),
  };
}

/** Every field of a header, decoded, in its order: at most 1,000 of them and 1 MiB, which `defects` then says. */
export function listFields(rawHeader: Uint8Array, defects: Set<string>): [string, string][] {
  const fields: [string, string][] = [];
  let length = 0;
  eachField(rawHeader, (name, folded) => {
    const value = unfold(folded);
    length += name.length + value.length;
    if (fields.length >= 1000 || length > 1024 * 1024) {
      defects.add('The header has more than 1,000 fields or 1 MiB; only its beginning is shown.');
      return false;
    }
    fields.push([decodeText(name), decodeText(value)]);
    return true;
  });
  return fields;
}

/** Values of the wanted fields by lower-case name, still folded, in the order of the header; those of the trace together. */
function readFields(raw: Uint8Array): { fields: Map<string, string[]>; trace: TraceField[] } {
  const fields = new Map<string, string[]>();
  const trace: TraceField[] = [];
  let left = longestField;
  eachField(raw.subarray(0, longestHead), (name, whole) => {
    const key = name.toLowerCase();
    if (!wanted.has(key)) return true;
    const folded = whole.slice(0, longestField);
    const values = fields.get(key);
    // Of what is repeated only addresses are joined.
    if (!values) fields.set(key, [folded]);
    else if (values.length < mostRepeated && (left -= folded.length) > 0) values.push(folded);
    if ((key === 'received' || key === 'authentication-results') && trace.length < mostTrace)
      trace.push({ name: key, folded: folded.slice(0, longestTrace) });
    return true;
  });
  return { fields, trace };
}

/** Tells each field of a header to `take`, still folded, until that answers false. What follows the empty line isn't read. */
export function eachField(raw: Uint8Array, take: (name: string, folded: string) => boolean): void {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1');
  let start = 0;
  while (start < text.length) {
    let end = lineEnd(text, start);
    if (end === start || (text[start] === '\r' && end === start + 1)) return;
    // Continuation lines begin with a space or a tab (RFC 5322, 2.2.3).
    while (end < text.length && (text[end + 1] === ' ' || text[end + 1] === '\t')) end = lineEnd(text, end + 1);
    const colon = text.slice(start, Math.min(end, start + longestName)).indexOf(':');
    // RFC 5322, 2.2: a name has no spaces; one before the colon was allowed once.
    if (colon > 0) {
      const name = text.slice(start, start + colon).trimEnd();
      if (!/\s/.test(name) && !take(name, text.slice(start + colon + 1, end))) return;
    }
    start = end + 1;
  }
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

/** A field's value as one line, decoded where it is no ASCII. */
export function unfold(value: string): string {
  if (/^[\t -~]*\r?$/.test(value)) return value.trim();
  const line = value
    .replace(/\r?\n/g, '')
    .replace(/[\r\0]/g, '')
    .trim();
  // Raw 8-bit text is UTF-8 today (RFC 6532) and was Windows-1252 mostly.
  if (!/[\x80-\xff]/.test(line)) return line;
  const bytes = Buffer.from(line, 'latin1');
  try {
    return utf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const windows1252 = new TextDecoder('windows-1252');

function messageIds(value: string): string[] {
  if (value.length < longestId && /^<[!-;=?-~]+>$/.test(value)) return [value.slice(1, -1)];
  const bracketed = [...value.matchAll(/<([^<>]*)>/g)].map((match) => match[1] ?? '');
  const ids = bracketed.length > 0 ? bracketed : value.split(/\s+/);
  return ids.flatMap((id) => {
    const bare = id.replace(/[\s<>\p{Cc}]+/gu, '');
    return bare === '' ? [] : [bare.length > longestId ? shortened(bare) : bare];
  });
}

/** Two ids that differ only far behind stay two. */
function shortened(id: string): string {
  return id.slice(0, longestId - 65) + '#' + createHash('sha256').update(id).digest('hex');
}

function references(value: string): string[] {
  const ids = messageIds(value);
  return ids.length > mostReferences ? [...ids.slice(0, 1), ...ids.slice(1 - mostReferences)] : ids;
}

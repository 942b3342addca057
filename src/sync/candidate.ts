import type { EmailContent, Participant } from '../log/append.ts';
import type { Rule } from '../log/rules.ts';
import { addressKey } from '../mail/address.ts';
import type { Address } from '../mail/address.ts';
import { keyedHash } from '../mail/hash.ts';
import type { Head } from '../mail/head.ts';
import { identityOf } from '../mail/identity.ts';
import type { Listed, Mailbox, Place } from '../providers/provider.ts';
import type { Hold } from './hold.ts';
import type { StreamFolder, SyncStream } from './streams.ts';

/** One sighting on its way into the ledger: all that can be said of it before the transaction that decides. */
export interface Candidate {
  place: Place;
  folderId: string;
  receivedAt: Date | null;
  size: number | null;
  /** Null while it can't be read: then `failure` says why. */
  head: Head | null;
  /** Everybody in it: from, to, cc, bcc, reply-to, in this order. */
  people: Participant[];
  identity: Buffer | null;
  messageIdHash: Buffer | null;
  /** Decided by where and when it lies, whoever takes part. */
  early: 'before_start' | 'draft' | null;
  /** Its class unless something else makes it late. */
  ownClass: 'live' | 'late_folder' | 'migrated';
  /** The fetched message; null when none was wanted or had. */
  content: EmailContent | null;
  failure: Failure | null;
  /** Its ledger row, when it is being decided anew. */
  row: DueRow | null;
}

export interface Failure {
  rule: Extract<Rule, 'head_unreadable' | 'fetch_failed' | 'parse_failed' | 'store_failed'>;
  /** Short, without secrets and without content of mail. */
  error: string;
  /** The server says that there is no such message. */
  gone?: boolean;
}

export interface DueRow {
  id: string;
  state: 'skipped' | 'quarantined';
  rule: string;
  tries: number;
  class: Candidate['ownClass'] | 'history' | 'late_contact' | null;
  vanished: boolean;
  /** Address keys of those participants of a quarantined row who were no contacts at its first decision. */
  strangers: ReadonlySet<string>;
}

const minutes = 60_000;
const days = 86_400_000;
/** Our clock is never compared with the server's more exactly than that (spec, section 5, Since when). */
export const startTolerance = 10 * minutes;

/**
 * The sightings of a listed message: one for each chosen folder that holds it. What lay there before the connection's start is none (invariant 1): it is left out.
 */
export function candidatesOf(
  hold: Hold,
  mailbox: Pick<Mailbox, 'predates'>,
  stream: SyncStream,
  listed: Listed,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (const place of listed.places) {
    const folder = stream.folders.get(place.folder);
    if (!folder?.chosen) continue;
    if (stream.startCursor !== '' && mailbox.predates(place, stream.startCursor) === true) continue;
    const head = 'unreadable' in listed.head ? null : listed.head;
    candidates.push({
      place,
      folderId: folder.id,
      receivedAt: listed.receivedAt,
      size: listed.size,
      ...readHead(hold, head),
      early: early(hold, folder, listed),
      ownClass: ownClass(mailbox, folder, place, head, listed.receivedAt),
      content: null,
      failure: 'unreadable' in listed.head ? unreadable(listed.head.unreadable) : null,
      row: null,
    });
  }
  return candidates;
}

/** What follows from the head alone. */
export function readHead(
  hold: Pick<Hold, 'hashKey'>,
  head: Head | null,
): Pick<Candidate, 'head' | 'people' | 'identity' | 'messageIdHash'> {
  if (head === null) return { head, people: [], identity: null, messageIdHash: null };
  return {
    head,
    people: [
      ...people('from', head.from),
      ...people('to', head.to),
      ...people('cc', head.cc),
      ...people('bcc', head.bcc),
      ...people('reply-to', head.replyTo),
    ],
    identity: keyedHash(hold.hashKey, identityOf(head)),
    messageIdHash: head.messageId === null ? null : keyedHash(hold.hashKey, head.messageId),
  };
}

function people(role: Participant['role'], list: readonly Address[]): Participant[] {
  return list.map(({ name, address }, position) => ({ role, position, name, address, key: addressKey(address) }));
}

/** The address keys that matching looks at: From, To, Cc and Bcc (spec, section 5, Matching). */
export function* matchedKeys(candidate: Pick<Candidate, 'people'>): Iterable<string> {
  for (const { role, key } of candidate.people) if (key !== null && role !== 'reply-to') yield key;
}

function early(hold: Hold, folder: StreamFolder, listed: Listed): Candidate['early'] {
  if (folder.role === 'drafts' || listed.flags.some((flag) => flag.toLowerCase() === '\\draft')) return 'draft';
  const { receivedAt } = listed;
  if (receivedAt !== null && receivedAt.getTime() < hold.startedAt.getTime() - startTolerance) return 'before_start';
  return null;
}

export function ownClass(
  mailbox: Pick<Mailbox, 'predates'>,
  folder: Pick<StreamFolder, 'chosenCursor'>,
  place: Place,
  head: Head | null,
  receivedAt: Date | null,
): Candidate['ownClass'] {
  if (folder.chosenCursor !== null && mailbox.predates(place, folder.chosenCursor) === true) return 'late_folder';
  return head !== null && isMigrated(head, receivedAt) ? 'migrated' : 'live';
}

/** Date and topmost Received, as far as they are there, over 7 days older than the receive time: a mailbox was moved here. */
function isMigrated(head: Head, receivedAt: Date | null): boolean {
  const dates = [head.date, head.receivedDate].filter((date) => date !== null);
  if (receivedAt === null || dates.length === 0) return false;
  return dates.every((date) => receivedAt.getTime() - date.getTime() > 7 * days);
}

export function unreadable(why: string): Failure {
  return { rule: 'head_unreadable', error: shortError(why) };
}

/** One line of at most 300 characters. */
export function shortError(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 300)
    .toWellFormed();
}

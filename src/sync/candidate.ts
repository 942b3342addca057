import type { EmailContent, Participant } from '../log/append.ts';
import type { Rule } from '../log/rules.ts';
import { addressKey } from '../mail/address.ts';
import type { Address } from '../mail/address.ts';
import { isDraft } from '../mail/draft.ts';
import { keyedHashHex } from '../mail/hash.ts';
import type { Head } from '../mail/head.ts';
import { askedOf } from '../connections/history.ts';
import { identityOf } from '../mail/identity.ts';
import type { SenderVerdict } from '../mail/verdict.ts';
import type { Listed, Mailbox, Place } from '../providers/provider.ts';
import { LongWork } from '../turns.ts';
import type { Hold } from './hold.ts';
import type { SyncStream } from './streams.ts';

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
  /** Under the account's key, hex; as is messageIdHash. */
  identity: string | null;
  messageIdHash: string | null;
  /** Decided by where and when it lies, whoever takes part. */
  early: 'before_start' | 'draft' | null;
  /** Its class unless something else makes it late. */
  ownClass: 'live' | 'history' | 'late_folder' | 'migrated';
  /** The fetched message; null when none was wanted or had. */
  content: Content | null;
  failure: Failure | null;
  /** A contact sent it, as far as that was known when its body was asked for. */
  received: boolean;
  /** What we found about its sender ourselves (check-sender.ts); null where that wasn't looked at. */
  checked: SenderVerdict | null;
  /** Its ledger row, when it is being decided anew. */
  row: DueRow | null;
}

export interface Content extends EmailContent {
  /** Resolves once the raw message would survive a power cut, and rejects where it can't be kept: to be awaited before the commit that names it. */
  durable: Promise<unknown>;
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
  state: 'logged' | 'skipped' | 'quarantined';
  rule: string;
  tries: number;
  class: Candidate['ownClass'] | 'late_contact' | null;
  vanished: boolean;
  /** Address keys of those participants of a quarantined row who were no contacts at its first decision. */
  strangers: ReadonlySet<string>;
  /** Of a row that a check decides anew: address keys of those who were contacts when it was listed first. */
  wasContact?: ReadonlySet<string>;
}

const minutes = 60_000;
const days = 86_400_000;

/** The sightings of a page's messages. What else there is to do in the process has its turn in between. */
export async function candidatesOf(
  hold: Hold,
  mailbox: Pick<Mailbox, 'predates'>,
  stream: SyncStream,
  page: readonly Listed[],
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  const work = new LongWork();
  for (const listed of page) {
    if (work.isLong()) await work.giveWay();
    candidates.push(...sightingsOf(hold, mailbox, stream, listed));
  }
  return candidates;
}

/**
 * The sightings of a listed message: one for each chosen folder that holds it. What lay there before the connection's start is none (invariant 1) unless it was asked for
 * as history: it is left out.
 */
function sightingsOf(hold: Hold, mailbox: Pick<Mailbox, 'predates'>, stream: SyncStream, listed: Listed): Candidate[] {
  const candidates: Candidate[] = [];
  for (const place of listed.places) {
    const folder = stream.folders.get(place.folder);
    if (!folder?.chosen) continue;
    const head = 'unreadable' in listed.head ? null : listed.head;
    const age = ageOf(hold, mailbox, { ...folder, startCursor: stream.startCursor }, place, head, listed.receivedAt);
    if (age.early === 'lay_there') continue;
    candidates.push({
      place,
      folderId: folder.id,
      receivedAt: listed.receivedAt,
      size: listed.size,
      ...readHead(hold, head),
      early: isDraft(folder.role, listed.flags) ? 'draft' : age.early,
      ownClass: age.ownClass,
      content: null,
      failure: 'unreadable' in listed.head ? unreadable(listed.head.unreadable) : null,
      received: false,
      checked: null,
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
    identity: keyedHashHex(hold.hashKey, identityOf(head)),
    messageIdHash: head.messageId === null ? null : keyedHashHex(hold.hashKey, head.messageId),
  };
}

function people(role: Participant['role'], list: readonly Address[]): Participant[] {
  return list.map(({ name, address }, position) => ({ role, position, name, address, key: addressKey(address) }));
}

/** The address keys that matching looks at: From, To, Cc and Bcc (spec, section 5, Matching). */
export function* matchedKeys(candidate: Pick<Candidate, 'people'>): Iterable<string> {
  for (const { role, key } of candidate.people) if (key !== null && role !== 'reply-to') yield key;
}

/** Those of them who stand in more than Bcc, which is for the copy's owner alone (spec, section 5, Seeing). */
export function openKeys({ people }: Pick<Candidate, 'people'>): Set<string> {
  return new Set(matchedKeys({ people: people.filter(({ role }) => role !== 'bcc') }));
}

/**
 * What follows from when a message came, compared with the connection's start and with what was asked for as history (spec, section 5, Since when and What fires).
 * 'lay_there': it was in this folder at the start already, so nobody listed it since.
 */
export function ageOf(
  hold: Pick<Hold, 'startedAt' | 'history'>,
  mailbox: Pick<Mailbox, 'predates'>,
  folder: { startCursor: string; chosenCursor: string | null; chosenAt: number | null },
  place: Place,
  head: Head | null,
  receivedAt: Date | null,
): { early: 'lay_there' | 'before_start' | null; ownClass: Candidate['ownClass'] } {
  const predatesStart = folder.startCursor !== '' && mailbox.predates(place, folder.startCursor);
  const lay = predatesStart === true;
  // Renumbered since: only times tell, those in the head where the server has none.
  const cameAt = receivedAt ?? (predatesStart === 'unknown' ? (head?.receivedDate ?? head?.date ?? null) : null);
  if (lay || (cameAt !== null && cameAt < tolerantStart(hold))) {
    if (askedOf(hold.history, receivedAt) !== null) return { early: null, ownClass: 'history' };
    return { early: lay ? 'lay_there' : 'before_start', ownClass: 'live' };
  }
  if (isLateFolder(mailbox, folder, place, cameAt)) return { early: null, ownClass: 'late_folder' };
  return { early: null, ownClass: head !== null && isMigrated(head, receivedAt) ? 'migrated' : 'live' };
}

/** It lay in the folder before that was ticked. Where nobody can say, it counts so as well: in doubt nothing fires. */
function isLateFolder(
  mailbox: Pick<Mailbox, 'predates'>,
  { chosenCursor, chosenAt }: { chosenCursor: string | null; chosenAt: number | null },
  place: Place,
  cameAt: Date | null,
): boolean {
  if (chosenCursor === null || chosenAt === null) return false;
  const predates = mailbox.predates(place, chosenCursor);
  return predates === 'unknown' ? cameAt === null || cameAt.getTime() < chosenAt + 10 * minutes : predates;
}

/** What the server received before is old, if it says when (our clock is never compared with the server's more exactly than that: spec, section 5, Since when). */
export function tolerantStart({ startedAt }: Pick<Hold, 'startedAt'>): Date {
  return new Date(startedAt.getTime() - 10 * minutes);
}

/** Date and topmost Received, as far as they are there, over 7 days older than the receive time: a mailbox was moved here. */
export function isMigrated(head: Head, receivedAt: Date | null): boolean {
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

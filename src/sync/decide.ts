import type { AddressMatches } from '../contacts/match.ts';
import type { NewItem } from '../log/append.ts';
import { rules } from '../log/rules.ts';
import type { Rule, SightingState } from '../log/rules.ts';
import { kindOfCopy } from '../mail/kinds.ts';
import type { MailKind } from '../mail/kinds.ts';
import type { Candidate } from './candidate.ts';
import { matchedKeys } from './candidate.ts';

export type Class = 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated';

/** What the account already knows of a message, by its identity. */
export interface KnownMessage {
  /** Where it is stored; null when it isn't. */
  messageId: string | null;
  /** As it is stored. */
  kind: MailKind | null;
  /** It is stored from copies whose sender could not be confirmed, and none has been. */
  forged: boolean;
  /** The sender of a copy was confirmed. */
  confirmed: boolean;
  /** The class of its log items. */
  class: Class | null;
  /** A row of it said "no contact" once, in whatever mailbox. */
  late: boolean;
  /** Address keys of contacts who were excluded where it was seen before: true: by what held in this mailbox too. */
  excluded: Readonly<Record<string, boolean>> | null;
}

export interface Decision {
  rule: Rule;
  state: SightingState;
  class: Class | null;
  /** Of a logged one: what this copy is. */
  kind: MailKind | null;
  /** Of a logged one: the stored message, if it is stored already, and what the contacts' logs get. */
  messageId: string | null;
  /** What is stored is a forgery, and this copy isn't: it takes its place. */
  replaces: boolean;
  items: NewItem[];
  /** It failed, and the message is confirmed: its Bcc counts for nothing. */
  disputed: boolean;
  /** It matches only now, so its body is missing: decide again at once. */
  dueNow: boolean;
}

/**
 * Decides about one sighting (spec, section 5). Pure: the rules in their order. `matches` must have been read under the address lock; `confirmed`: this copy's sender is.
 */
export function decide(
  candidate: Candidate,
  matches: AddressMatches,
  known: KnownMessage | undefined,
  confirmed: boolean,
): Decision {
  const { early, failure, row } = candidate;
  const people = contactsIn(candidate, matches);
  const wasExcluded = ({ key }: Matched) => known?.excluded?.[key];
  const late = known?.late || (people.length > 0 && people.every((person) => wasExcluded(person) === true));
  const first = row?.class ?? (late ? 'late_contact' : candidate.ownClass);
  if (failure?.rule === 'store_failed') return { ...decision('store_failed'), class: people.length > 0 ? first : null };
  if (early !== null) return decision(early);
  if (candidate.head === null) {
    const late = row?.state === 'skipped' ? 'late_contact' : null;
    return { ...decision(unless(candidate, failure?.rule ?? 'head_unreadable')), class: row?.class ?? late };
  }
  if (people.length === 0) return decision(unmatched(candidate, matches));

  const messageId = known?.messageId ?? null;
  const replaces = known?.forged === true && confirmed;
  const needsBody = messageId === null || replaces;
  if (needsBody && failure !== null) return { ...decision(unless(candidate, failure.rule)), class: first };
  if (needsBody && candidate.content === null) return { ...decision('no_contact'), dueNow: true };
  return {
    ...decision('contact'),
    class: known?.class ?? first,
    // The content may be of another copy.
    kind: kindOfCopy((needsBody ? null : known!.kind) ?? candidate.content!.parsed.kind, candidate.head.list),
    messageId,
    replaces,
    items: people.map((person) => ({
      ...person,
      class: classOf(person, first, messageId !== null, wasExcluded(person)),
    })),
  };
}

function decision(rule: Rule): Decision {
  return {
    rule,
    state: rules[rule].state,
    class: null,
    kind: null,
    messageId: null,
    replaces: false,
    items: [],
    disputed: false,
    dueNow: false,
  };
}

interface Matched {
  contactId: string;
  direction: NewItem['direction'];
  role: NewItem['role'];
  address: string;
  key: string;
  /** Stood as a stranger in a row of this message. */
  wasStranger: boolean;
  /** What a check knows of it: was a contact when the row was listed first. */
  wasContact: boolean | undefined;
}

/** Whether a contact sent it, by what is known now. */
export function isReceived(candidate: Candidate, matches: AddressMatches): boolean {
  return contactsIn(candidate, matches).some(({ direction }) => direction === 'received');
}

/** Each contact once, by the foremost place in which it stands. */
function contactsIn(candidate: Candidate, matches: AddressMatches): Matched[] {
  const sent = candidate.people.some(({ role, key }) => role === 'from' && key !== null && matches.own.has(key));
  const found = new Map<string, Matched>();
  for (const { role, key, address } of candidate.people) {
    const contactId = key === null ? undefined : matches.contacts.get(key);
    if (key === null || contactId === undefined || role === 'reply-to' || found.has(contactId)) continue;
    const direction = sent ? 'sent' : role === 'from' ? 'received' : 'copied';
    const wasStranger = candidate.row?.strangers.has(key) ?? false;
    const wasContact = candidate.row?.wasContact?.has(key);
    found.set(contactId, { contactId, direction, role, address, key, wasStranger, wasContact });
  }
  return [...found.values()];
}

/**
 * A contact without an item for a message that is stored came later; but for one in Bcc, or one who was excluded in another user's mailbox only, this copy is
 * the first that shows it. Whoever was excluded in this mailbox too comes late.
 */
function classOf(person: Matched, first: Class, stored: boolean, wasExcluded: boolean | undefined): Class {
  if (person.wasStranger || wasExcluded === true) return 'late_contact';
  if (person.wasContact !== undefined) return person.wasContact ? first : 'late_contact';
  return stored && person.role !== 'bcc' && wasExcluded === undefined ? 'late_contact' : first;
}

function unmatched(candidate: Candidate, { colleagues, excluded }: AddressMatches): Rule {
  const keys = [...matchedKeys(candidate)];
  if (keys.length > 0 && keys.every((key) => colleagues.has(key))) return 'own_addresses_only';
  return keys.some((key) => excluded.has(key)) ? 'excluded' : 'no_contact';
}

/** A message that stays away is given up as vanished once its folder says so, or after a few tries: listings run ahead of some servers. */
function unless(candidate: Candidate, rule: Rule): Rule {
  const { failure, row } = candidate;
  return failure?.gone && row && (row.vanished || row.tries >= triesUntilGone) ? 'vanished' : rule;
}

const triesUntilGone = 3;

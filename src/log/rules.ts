import { kindNames } from '../mail/kinds.ts';
import type { MailKind } from '../mail/kinds.ts';

export type SightingState = 'logged' | 'skipped' | 'quarantined';

/**
 * Every rule that can decide about a sighting, with the state it leads to and what people are told. The names are stable: they are kept in the ledger
 * and given out by the API.
 */
export const rules = {
  contact: {
    state: 'logged',
    explanation: 'An address in From, To, Cc or Bcc belongs to a contact, so the message is in the Contact Log.',
  },
  no_contact: {
    state: 'skipped',
    explanation:
      'No address in From, To, Cc or Bcc belongs to a contact. Only keyed hashes were kept; if one of them becomes a contact, the message is fetched and logged.',
  },
  own_addresses_only: {
    state: 'skipped',
    explanation:
      "Only own addresses take part: those of connected mailboxes, of your users' sign-ins and at the account's own domains. They never match a contact.",
  },
  excluded: {
    state: 'skipped',
    explanation:
      'Every contact who takes part was excluded in this mailbox, so only keyed hashes were kept. If that exclusion is removed, the message is fetched and logged.',
  },
  before_start: {
    state: 'skipped',
    explanation:
      'The mailbox received it more than ten minutes before this connection was made. Sync begins at the moment of connecting; older mail comes with an import of history.',
  },
  draft: { state: 'skipped', explanation: 'It is a draft. Drafts are never logged; the message is, once it is sent.' },
  vanished: {
    state: 'skipped',
    explanation:
      'It was deleted or moved away before it could be read. Where it was moved to a chosen folder it has a row of its own.',
  },
  head_unreadable: {
    state: 'quarantined',
    explanation: "The server listed it, but its header can't be read. It is tried again by itself.",
  },
  fetch_failed: {
    state: 'quarantined',
    explanation: "It concerns a contact, but the server didn't give the message. It is tried again by itself.",
  },
  parse_failed: {
    state: 'quarantined',
    explanation: "It concerns a contact, but the message can't be taken apart. It is tried again by itself.",
  },
  store_failed: {
    state: 'quarantined',
    explanation:
      'The database refused to store it. It is tried again by itself; the rest of the mailbox is not held up.',
  },
  dismissed: {
    state: 'skipped',
    explanation: 'Somebody dismissed it from quarantine, so it is not tried again. It can be put back.',
  },
} as const satisfies Record<string, { state: SightingState; explanation: string }>;

export type Rule = keyof typeof rules;

/** The skipped rows in which nobody was a contact. */
export const strangerRules: readonly Rule[] = ['no_contact', 'own_addresses_only'];

/** The skipped rows that may have a contact later: somebody becomes one, or isn't excluded any more (log/late.ts). */
export const lateRules: readonly Rule[] = [...strangerRules, 'excluded'];

const classes: Partial<Record<string, string>> = {
  history: 'It was asked for as history, which starts automations only where that was asked for too.',
  late_contact:
    'The contact was added, or their exclusion removed, after the message had been looked at, so it starts no automation.',
  late_folder: 'It arrived before its folder was chosen, so it starts no automation.',
  migrated:
    'It is much older than its arrival in this mailbox, as after a move to a new server, so it starts no automation.',
};

const unconfirmed =
  'Its sender could not be confirmed, so this copy starts only those automations that are to start for such mail too.';

/** What people are told about a ledger row's rule, and about its class, kind and sender where they have a consequence. */
export function explain(sighting: {
  rule: string;
  class?: string | null;
  kind?: MailKind | null;
  verdict?: string | null;
}): string {
  const { kind } = sighting;
  const rule = Object.hasOwn(rules, sighting.rule)
    ? rules[sighting.rule as Rule].explanation
    : `The rule is “${sighting.rule}”.`;
  const impersonal =
    kind && kind !== 'personal'
      ? `It is ${kindNames[kind].one}: such mail starts an automation only where its trigger says so.`
      : undefined;
  return [rule, classes[sighting.class ?? ''], impersonal, sighting.verdict === 'fail' && unconfirmed]
    .filter(Boolean)
    .join(' ');
}

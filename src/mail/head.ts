import type { Address } from './address.ts';

/** The head fields that decisions are made from. Dates are null where missing or unreadable. */
export interface Head {
  /** Without angle brackets; null where missing. */
  messageId: string | null;
  /** The Date field as an instant. */
  date: Date | null;
  subject: string;
  from: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  replyTo: Address[];
  inReplyTo: string | null;
  references: string[];
  /** The instant of the topmost Received field. */
  receivedDate: Date | null;
  /** This copy came through a mailing list, or is one of a newsletter (mail/recognise.ts). */
  list: boolean;
  /** Received and Authentication-Results fields, the topmost first: who handled the message, and what they found (mail/verdict.ts). */
  trace: TraceField[];
}

export interface TraceField {
  name: 'received' | 'authentication-results';
  /** As it stands: see unfold(). */
  folded: string;
}

/** The Message-IDs that make a message part of a conversation, its own first (RFC 5322, 3.6.4). parseHead() bounds their number. */
export function referencesOf({ messageId, inReplyTo, references }: Head): string[] {
  return [...new Set([messageId, inReplyTo, ...references])].filter((id) => id !== null);
}

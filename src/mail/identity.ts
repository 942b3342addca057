import type { Address } from './address.ts';
import type { Head } from './head.ts';

/**
 * What makes a message the same one in every mailbox of an account, as canonical text (hashed with the account's key before it is stored):
 * Message-ID, From and the instant of Date; where Message-ID or Date is missing, Subject and To too. Never size or body: gateways change both.
 */
export function identityOf(head: Head): string {
  const parts: unknown[] = ['v1', head.messageId, addresses(head.from), head.date?.getTime() ?? null];
  if (head.messageId === null || head.date === null) parts.push(head.subject, addresses(head.to));
  return JSON.stringify(parts);
}

/** Plus-tags stay: without a Message-ID, shop+1@ and shop+2@ are two messages. The order of addresses says nothing. */
function addresses(list: Address[]): string[] {
  return [...new Set(list.map((entry) => entry.address.toLowerCase()))].sort();
}

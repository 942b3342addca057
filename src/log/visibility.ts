import type { Viewer } from '../accounts/viewer.ts';

/** One connection that holds a message, deleted ones included: their rule goes on. */
export interface Copy {
  connectionId: string;
  /** The mailbox's owner; null when that user is no more. */
  userId: string | null;
  sharing: 'everything' | 'private';
  /** The copy carries a Bcc field; for an item matched through Bcc: one with the matched address in it. */
  carriesBcc: boolean;
}

export interface ItemCopies {
  /** The contact stands in the message's Bcc only. */
  viaBccOnly: boolean;
  copies: readonly Copy[];
}

export interface Visibility {
  level: 'full' | 'none';
  /** The connections that the viewer may see named, in the order given. */
  namedConnections: string[];
  /** Whether the viewer may see the Bcc of own copies; never that of others'. */
  showsBcc: boolean;
}

/**
 * What the viewer may see of an email in the log (spec, section 5, Seeing). The owner of a copy sees it in full; to all others the
 * least permissive copy counts, and private connections are never named. An item matched through Bcc is for the owner of the copy
 * that carries it. visibility-sql.ts says the same as an SQL predicate; visibility.test.ts holds the two together.
 */
export function visibility(viewer: Pick<Viewer, 'userId'>, item: ItemCopies): Visibility {
  const own = item.copies.filter((copy) => copy.userId === viewer.userId);
  const carried = own.some((copy) => copy.carriesBcc);
  const shared = item.copies.length > 0 && item.copies.every((copy) => copy.sharing === 'everything');
  const full = item.viaBccOnly ? carried : own.length > 0 || shared;
  if (!full) return { level: 'none', namedConnections: [], showsBcc: false };
  const named = item.copies.filter((copy) => copy.userId === viewer.userId || copy.sharing === 'everything');
  return { level: 'full', namedConnections: named.map((copy) => copy.connectionId), showsBcc: carried };
}

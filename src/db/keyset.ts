import { AppError } from '../errors.ts';

/** What a place in a list is made of: the values that the list is sorted by, as PostgreSQL prints them. */
export type KeyKind = 'text' | 'number' | 'time' | 'id';

const shapes: Record<KeyKind, RegExp> = {
  text: /^[^\0]*$/,
  number: /^-?\d{1,15}$/,
  time: /^(-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d(:\d\d(:\d\d)?)?)?( BC)?)$/,
  id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

/**
 * The cursor of a keyset-paged list: the last row's place in `order` (the list's name with its sorting). Times are
 * PostgreSQL's own text (`at::text`), since a Date would cut its microseconds and skip or repeat rows.
 */
export function encodeCursor(order: string, key: readonly string[]): string {
  return Buffer.from(JSON.stringify([order, ...key])).toString('base64url');
}

/** Reads a cursor back. Throws AppError 'invalid' for one that this list, in this order, didn't give. */
export function decodeCursor(order: string, kinds: readonly KeyKind[], cursor: string): string[] {
  const [from, ...key] = parse(cursor);
  const fits =
    from === order && key.length === kinds.length && kinds.every((kind, i) => shapes[kind].test(key[i] ?? ''));
  if (fits) return key;
  throw new AppError('invalid', "cursor: It isn't one of this list in this order. Ask for the first page without it.", {
    details: [{ path: 'cursor', message: 'is not one of this list' }],
  });
}

function parse(cursor: string): string[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : [];
  } catch {
    return [];
  }
}

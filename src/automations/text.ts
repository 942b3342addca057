import { z } from 'zod';

/** One line of text: no control characters, line breaks and NUL among them, and no half of a surrogate pair, which PostgreSQL can't store. */
export function text(max: number) {
  return z.string().trim().max(max).refine(isOneLine, 'Must be one line, without control characters.');
}

/** What is searched for: cells that are copied from a table come with tabs and line breaks between them. */
export function searchText(max: number) {
  return z
    .string()
    .overwrite((value) => value.replace(/\p{Cc}+/gu, ' ').trim())
    .max(max)
    .refine(isOneLine, 'Must be one line, without control characters.');
}

function isOneLine(value: string): boolean {
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}

/** Text that isn't blank: `what` is said of one of which nothing can be seen, such as blanks or marks of direction alone. */
export function visibleText(max: number, what: string) {
  return text(max).refine(isVisible, what);
}

/** Whether anything of a text can be seen (Unicode: not control, format, unassigned, space or ignorable). */
export function isVisible(value: string): boolean {
  return /[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(value);
}

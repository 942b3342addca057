import { z } from 'zod';

/** One line of text that PostgreSQL can keep: it stores neither NUL nor half of a surrogate pair. */
export function text(max: number) {
  return z
    .string()
    .trim()
    .max(max)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), "Contains a character that can't be stored.");
}

/** Text that isn't blank: `what` is said of one of which nothing can be seen, such as blanks or marks of direction alone. */
export function visibleText(max: number, what: string) {
  return text(max).refine(isVisible, what);
}

/** Whether anything of a text can be seen (Unicode: not control, format, unassigned, space or ignorable). */
export function isVisible(value: string): boolean {
  return /[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(value);
}

import { z } from 'zod';

/** One line of text that PostgreSQL can keep: it stores neither NUL nor half of a surrogate pair. */
export function text(max: number) {
  return z
    .string()
    .trim()
    .max(max)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), "Contains a character that can't be stored.");
}

import { z } from '@hono/zod-openapi';
import { visibleText } from '../automations/text.ts';

/** A required JSON body. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true as const, content: { 'application/json': { schema } } };
}

/** A name that people give: one line that can be seen. */
export function nameField(max = 200) {
  return visibleText(max, 'Enter a name.');
}

export const emailField = z.email('Enter an email address.').max(254);
export const zoneField = z.string().max(64).openapi({ example: 'Europe/Berlin' });

export const unstorable = "Contains a character that can't be stored.";

/** Whether PostgreSQL can keep a text: it stores neither NUL nor half of a surrogate pair. */
export function isStorable(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0');
}

/** Its rule is told by accounts/password.ts; here a bound on what is read, and what signing in would refuse (routes/sign-in.ts). */
export const passwordField = z.string().max(1000).refine(isStorable, unstorable);

import { OpenAPIHono, z } from '@hono/zod-openapi';
import type { Viewer } from '../accounts/viewer.ts';
import { AppError } from '../errors.ts';
import { useOurWords } from './field-errors.ts';

useOurWords();

export interface ApiEnv {
  Variables: {
    viewer: Viewer;
    /** Null: the viewer came with an API key. */
    sessionId: string | null;
    requestId: string;
  };
}

/** A router whose validation failures become AppError 'invalid', with one entry for each field at fault. */
export function router() {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const details = result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
      const first = details[0];
      throw new AppError(
        'invalid',
        first ? sentence(first.path || 'The request', first.message) : 'The request is invalid.',
        {
          details,
        },
      );
    },
  });
}

/** Some messages are sentences of their own, others follow the field's name. */
function sentence(path: string, message: string): string {
  return /^\p{Lu}/u.test(message) ? `${path}: ${message}` : `${path} ${message}.`;
}

/** The body of every error (RFC 9457). */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    hint: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem');

/** The `responses` of a route: its success, and problem+json for all else. */
export function responses<S extends number, T extends z.ZodType>(status: S, description: string, schema: T) {
  return {
    [status]: { description, content: { 'application/json': { schema } } },
    default: { description: 'Error', content: { 'application/problem+json': { schema: problem } } },
  } as { [K in S]: { description: string; content: { 'application/json': { schema: T } } } };
}

/** The `responses` of a route that answers nothing (204). */
export function noContent(description: string) {
  return {
    204: { description },
    default: { description: 'Error', content: { 'application/problem+json': { schema: problem } } },
  } as { 204: { description: string } };
}

/** Query fields of every paged list. `cursor` is the `nextCursor` of the page before. */
export const paging = {
  cursor: z.string().max(4000).optional().openapi({ description: 'nextCursor of the page before' }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

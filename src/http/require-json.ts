import type { Context } from 'hono';
import { AppError } from '../errors.ts';

const jsonType = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/**
 * A body is JSON and says so. Other types are what a form of a foreign page can send without asking, and would pass by the validators.
 * A PATCH has one: to the validators none is an empty object, which would change nothing and be answered as done. Throws AppError 'invalid'.
 */
export function requireJson(c: Context): void {
  const type = c.req.header('content-type');
  if (type === undefined) {
    if (c.req.method !== 'PATCH' && !hasBody(c)) return;
    throw new AppError('invalid', 'Send JSON: the Content-Type must be application/json, and is missing.');
  }
  if (jsonType.test(type)) return;
  throw new AppError('invalid', `Send JSON: the Content-Type must be application/json, not ${type.slice(0, 100)}.`);
}

/** RFC 9112, section 6: these two headers say whether a request has a body. */
function hasBody(c: Context): boolean {
  return c.req.header('transfer-encoding') !== undefined || Number(c.req.header('content-length') ?? 0) > 0;
}

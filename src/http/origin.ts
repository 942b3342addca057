import type { Context } from 'hono';
import { AppError } from '../errors.ts';

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a page of this origin is ours: the address that people open, or this machine's own when it was asked by that name
 * (`host` is the request's Host header).
 */
export function isOwnOrigin(origin: string, host: string | null | undefined, url: string): boolean {
  if (origin === url) return true;
  if (!host || !URL.canParse(origin)) return false;
  const parsed = new URL(origin);
  return parsed.protocol === 'http:' && parsed.host === host && loopback.has(parsed.hostname);
}

/**
 * Refuses what another site's page makes a browser send (CSRF). Browsers say where a changing request comes from; one that carries a
 * cookie and says nothing is refused too. Throws AppError 'forbidden'.
 */
export function refuseForeignOrigin(c: Context, url: string, options: { withCookie: boolean }): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  const origin = c.req.header('origin');
  const site = c.req.header('sec-fetch-site');
  const foreign =
    (site !== undefined && site !== 'same-origin') ||
    (origin !== undefined && !isOwnOrigin(origin, c.req.header('host'), url));
  const unsaid = origin === undefined && site === undefined;
  if (!foreign && !(unsaid && options.withCookie)) return;
  throw new AppError('forbidden', 'This request did not come from a page of this installation.', {
    hint: `Open Letterlog at ${url}. Programs use an API key instead of the session cookie.`,
  });
}

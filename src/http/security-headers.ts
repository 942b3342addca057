import type { MiddlewareHandler } from 'hono';

/**
 * What the web app's pages may load. Mail is shown in sandboxed srcdoc frames, which inherit this policy and add a stricter one of their
 * own: that one blocks remote images until the reader allows them, so this one must let them through. Mantine and mail need inline styles.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob: https: http:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Answers of the API are data: opened as a page, an attachment or an error can do nothing. */
const dataPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Security headers of every answer; a route may have set a policy of its own. */
export function securityHeaders(url: string): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const api = c.req.path.startsWith('/api/');
    const headers = c.res.headers;
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', api ? dataPolicy : pagePolicy);
    headers.set('x-content-type-options', 'nosniff');
    headers.set('x-frame-options', 'DENY');
    // Links of set-up and invitations carry tokens.
    headers.set('referrer-policy', 'no-referrer');
    headers.set('cross-origin-opener-policy', 'same-origin');
    headers.set('cross-origin-resource-policy', 'same-origin');
    headers.set('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()');
    if (url.startsWith('https:')) headers.set('strict-transport-security', 'max-age=31536000');
    if (api && !headers.has('cache-control')) headers.set('cache-control', 'no-store');
  };
}

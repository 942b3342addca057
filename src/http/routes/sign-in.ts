import type { MiddlewareHandler } from 'hono';
import { normalEmail } from '../../accounts/create-user.ts';
import { passwordRule } from '../../accounts/password.ts';
import { clientAddressHeader } from '../../accounts/sign-in.ts';
import { takeAttempt, tooMany } from '../../accounts/take-attempt.ts';
import { AppError } from '../../errors.ts';
import { clientAddress } from '../client-address.ts';
import type { AccountDeps } from '../deps.ts';
import { problemResponse } from '../errors.ts';
import { refuseForeignOrigin } from '../origin.ts';

/** What we use of better-auth, below /api/auth. Its other endpoints would go round our own rules, so they are not there. */
const endpoints = new Set([
  'POST /sign-in/email',
  'POST /sign-out',
  'GET /get-session',
  'POST /change-password',
  'GET /list-sessions',
  'POST /revoke-session',
  'POST /revoke-other-sessions',
]);

/** Attempts for one address, from anywhere: guessing one user's password from many machines is slow too. */
const perAddress = { max: 30, windowSeconds: 15 * 60 };

/** Sign-in and sessions: better-auth's own endpoints, with problem+json for their errors. */
export function signInRoutes(deps: AccountDeps): MiddlewareHandler {
  return async (c) => {
    const path = c.req.path.replace(/^\/api\/auth/, '');
    if (!endpoints.has(`${c.req.method} ${path}`)) throw new AppError('not_found', 'There is no such endpoint.');
    refuseForeignOrigin(c, deps.config.url, { withCookie: c.req.header('cookie') !== undefined });
    const body = c.req.method === 'POST' ? await c.req.text() : undefined;
    if (path === '/sign-in/email') await limitAddress(deps, body ?? '');

    const headers = new Headers(c.req.raw.headers);
    // Checked above, by a rule that knows this machine's own names too and lets programs without an Origin sign in.
    headers.set('origin', deps.config.url);
    headers.set(clientAddressHeader, clientAddress(c, deps.config.trustProxy));
    // By the configured address: a Host header of the client's choice decides nothing.
    const url = `${deps.config.url}${c.req.path}${new URL(c.req.url).search}`;
    const answer = await deps.signIn.handler(
      new Request(url, { method: c.req.method, headers, body: body || undefined }),
    );
    return answer.ok ? answer : problemResponse(await errorOf(answer));
  };
}

async function limitAddress(deps: AccountDeps, body: string): Promise<void> {
  const email = emailOf(body);
  if (email) await takeAttempt(deps.db, `sign-in:${normalEmail(email).slice(0, 320)}`, perAddress);
}

function emailOf(body: string): string | null {
  try {
    const { email } = JSON.parse(body) as { email?: unknown };
    return typeof email === 'string' ? email : null;
  } catch {
    return null;
  }
}

/** better-auth's errors in our words. */
async function errorOf(answer: Response): Promise<AppError> {
  const { code, message } = (await answer.json().catch(() => ({}))) as { code?: string; message?: string };
  if (answer.status === 429) return tooMany(Number(answer.headers.get('x-retry-after') ?? 60));
  switch (code) {
    case 'INVALID_EMAIL_OR_PASSWORD':
    case 'INVALID_EMAIL':
      return new AppError('unauthenticated', 'The email address or the password is wrong.');
    case 'INVALID_PASSWORD':
      return new AppError('invalid', 'The current password is wrong.', {
        details: [{ path: 'currentPassword', message: 'is wrong' }],
      });
    case 'PASSWORD_TOO_SHORT':
    case 'PASSWORD_TOO_LONG':
      return new AppError('invalid', passwordRule, { details: [{ path: 'newPassword', message: passwordRule }] });
    default:
      if (answer.status === 401)
        return new AppError('unauthenticated', 'You are not signed in, or your session has ended.');
      if (answer.status === 403) return new AppError('forbidden', 'This request is not allowed.');
      if (answer.status >= 500) return new AppError('internal', 'Sign-in failed here. Try again.');
      return new AppError(
        'invalid',
        typeof message === 'string' && message ? `${message}.` : 'The request is invalid.',
      );
  }
}

import type { Context, MiddlewareHandler } from 'hono';
import { normalEmail } from '../../accounts/create-user.ts';
import { passwordRule } from '../../accounts/password.ts';
import { clientAddressHeader } from '../../accounts/sign-in.ts';
import { takeAttempt, tooMany } from '../../accounts/take-attempt.ts';
import { AppError } from '../../errors.ts';
import { isStorable, unstorable } from '../body.ts';
import { clientAddress } from '../client-address.ts';
import type { AccountDeps } from '../deps.ts';
import { problemResponse } from '../errors.ts';
import { refuseForeignOrigin } from '../origin.ts';
import { noSuchEndpoint } from '../other-methods.ts';
import { requireJson } from '../require-json.ts';

/** What we use of better-auth, below /api/auth. Its other endpoints would go round our own rules, so they are not there. */
const endpoints = new Map([
  ['/sign-in/email', 'POST'],
  ['/sign-out', 'POST'],
  ['/get-session', 'GET'],
  ['/change-password', 'POST'],
  ['/list-sessions', 'GET'],
  ['/revoke-session', 'POST'],
  ['/revoke-other-sessions', 'POST'],
]);

/** Attempts for one address, from anywhere: guessing one user's password from many machines is slow too. */
const perAddress = { max: 30, windowSeconds: 15 * 60 };

/** Sign-in and sessions: better-auth's own endpoints, with problem+json for their errors. */
export function signInRoutes(deps: AccountDeps): MiddlewareHandler {
  return async (c) => {
    const path = c.req.path.replace(/^\/api\/auth/, '');
    const method = endpoints.get(path);
    if (c.req.method !== method) return noSuchEndpoint(method === undefined ? [] : [method]);
    refuseForeignOrigin(c, deps.config.url, { withCookie: c.req.header('cookie') !== undefined });
    const body = c.req.method === 'POST' ? await readBody(c) : undefined;
    if (path === '/sign-in/email') await limitAddress(deps, body);

    const headers = new Headers(c.req.raw.headers);
    // better-auth reads forms too: what was checked here as JSON must be nothing else there.
    if (body) headers.set('content-type', 'application/json');
    // Checked above, by a rule that knows this machine's own names too and lets programs without an Origin sign in.
    headers.set('origin', deps.config.url);
    headers.set(clientAddressHeader, clientAddress(c, deps.config.trustProxy));
    // By the configured address: a Host header of the client's choice decides nothing.
    const url = `${deps.config.url}${c.req.path}${new URL(c.req.url).search}`;
    const answer = await deps.signIn.handler(
      new Request(url, { method: c.req.method, headers, body: body && JSON.stringify(body) }),
    );
    return answer.ok ? answer : problemResponse(await errorOf(answer));
  };
}

/** The JSON object of the request, if it has a body. Throws AppError 'invalid', also for texts that PostgreSQL can't store. */
async function readBody(c: Context): Promise<Record<string, unknown> | undefined> {
  requireJson(c);
  const text = await c.req.text();
  if (text === '') return undefined;
  const body = parsed(text);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new AppError('invalid', 'The body must be a JSON object.');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (path, value: unknown) => {
      if (typeof value !== 'string' || isStorable(value)) return value;
      throw new AppError('invalid', `${path}: ${unstorable}`, { details: [{ path, message: unstorable }] });
    });
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('invalid', 'The body is no JSON.');
  }
}

async function limitAddress(deps: AccountDeps, body: Record<string, unknown> | undefined): Promise<void> {
  const email = typeof body?.['email'] === 'string' ? normalEmail(body['email']) : '';
  // An attempt without an address would be counted nowhere.
  if (email === '') {
    throw new AppError('invalid', 'Enter your email address.', {
      details: [{ path: 'email', message: 'Enter your email address.' }],
    });
  }
  await takeAttempt(deps.db, `sign-in:${email.slice(0, 320)}`, perAddress);
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

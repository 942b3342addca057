import type { Context, MiddlewareHandler } from 'hono';
import { ownerOfKey } from '../accounts/api-keys.ts';
import { loadViewer } from '../accounts/load-viewer.ts';
import { AppError } from '../errors.ts';
import type { AccountDeps } from './deps.ts';
import { refuseForeignOrigin } from './origin.ts';
import type { ApiEnv } from './router.ts';

/** What may be called without signing in, as (method, path below /api/v1); all else is refused. */
export const publicRoutes: readonly (readonly [method: string, path: RegExp])[] = [
  ['GET', /^\/setup$/],
  ['POST', /^\/setup$/],
  ['GET', /^\/invitations\/by-token\/[^/]+$/],
  ['POST', /^\/invitations\/by-token\/[^/]+\/accept$/],
  ['GET', /^\/openapi\.json$/],
  ['GET', /^\/docs$/],
];

/** Sets the viewer from `Authorization: Bearer ll_...` or the session cookie. Throws AppError 'unauthenticated' or 'forbidden'. */
export function authenticate(deps: AccountDeps): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const path = c.req.path.replace(/^\/api\/v1/, '');
    const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
    if (publicRoutes.some(([allowed, pattern]) => allowed === method && pattern.test(path))) {
      refuseForeignOrigin(c, deps.config.url, { withCookie: c.req.header('cookie') !== undefined });
      return next();
    }
    const { viewer, sessionId } = await identify(deps, c);
    c.set('viewer', viewer);
    c.set('sessionId', sessionId);
    return next();
  };
}

async function identify(deps: AccountDeps, c: Context<ApiEnv>) {
  const authorization = c.req.header('authorization');
  if (authorization !== undefined) {
    // A wrong key is an error even beside a good cookie: whoever sends one means to be that user.
    const owner = await ownerOfKey(deps.db, /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '');
    if (!owner) throw new AppError('unauthenticated', 'This API key is unknown or was revoked.');
    return { viewer: await loadViewer(deps.db, owner.userId, owner.accountId, 'only'), sessionId: null };
  }
  const session = await sessionOf(deps, c);
  if (!session) {
    throw new AppError('unauthenticated', 'You are not signed in, or your session has ended.', {
      hint: 'Sign in, or send an API key: "Authorization: Bearer ll_...".',
    });
  }
  refuseForeignOrigin(c, deps.config.url, { withCookie: true });
  return { viewer: await loadViewer(deps.db, session.userId, session.accountId), sessionId: session.id };
}

/** The session of the request's cookie. Its renewed cookie, when there is one, goes with the answer. */
export async function sessionOf(
  deps: Pick<AccountDeps, 'signIn'>,
  c: Context,
): Promise<{ id: string; userId: string; accountId: string | null; email: string } | null> {
  if (c.req.header('cookie') === undefined) return null;
  const { headers, response } = await deps.signIn.api.getSession({ headers: c.req.raw.headers, returnHeaders: true });
  for (const cookie of headers.getSetCookie()) c.header('set-cookie', cookie, { append: true });
  if (!response) return null;
  const { session, user } = response;
  return { id: session.id, userId: user.id, accountId: session.activeAccountId ?? null, email: user.email };
}

/** Signs a user in whose password was just set, and gives the session's cookie with the answer. */
export async function startSession(
  deps: Pick<AccountDeps, 'signIn'>,
  c: Context,
  user: { email: string; password: string },
): Promise<void> {
  const { headers } = await deps.signIn.api.signInEmail({
    body: user,
    headers: new Headers({ 'user-agent': c.req.header('user-agent') ?? '' }),
    returnHeaders: true,
  });
  for (const cookie of headers.getSetCookie()) c.header('set-cookie', cookie, { append: true });
}

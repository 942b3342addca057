import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { ApiEnv } from './router.ts';

/**
 * Gives every request an id, which its answer carries (X-Request-Id), and logs it. Never headers, bodies or queries, and paths
 * without the tokens that some hold.
 */
export function requestLog(log: Logger): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const requestId = randomUUID();
    c.set('requestId', requestId);
    const began = performance.now();
    await next();
    c.res.headers.set('x-request-id', requestId);
    const fields = {
      requestId,
      method: c.req.method,
      path: withoutTokens(c.req.path),
      status: c.res.status,
      ms: Math.round(performance.now() - began),
    };
    if (c.res.status >= 500) log.warn(fields, 'answered');
    else log.debug(fields, 'answered');
  };
}

export function withoutTokens(path: string): string {
  return path.replace(/(\/by-token\/|\/invitation\/)[^/]+/, '$1-');
}

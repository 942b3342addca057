import type { Hono } from 'hono';
import { AppError } from '../errors.ts';
import { problemResponse } from './errors.ts';
import type { ApiEnv } from './router.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The answer to a request that no route takes: 405 with Allow (RFC 9110, 15.5.6) where the path takes `allowed` methods, else 404. */
export function noSuchEndpoint(allowed: readonly string[]): Response {
  if (allowed.length === 0) {
    return problemResponse(
      new AppError('not_found', 'There is no such endpoint.', { hint: 'The reference is at /api/v1/docs.' }),
    );
  }
  const allow = allowed.join(', ');
  const answer = problemResponse(new AppError('method_not_allowed', `This path takes ${allow} only.`));
  answer.headers.set('allow', allow);
  return answer;
}

/** The methods that routes of `api` take at this path, which begins where `api` does; Hono answers HEAD by the route of GET. */
export function methodsAt(api: Pick<Hono<ApiEnv>, 'router'>, path: string): string[] {
  return methods.filter((method) => api.router.match(method === 'HEAD' ? 'GET' : method, path)[0].length > 0);
}

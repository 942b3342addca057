import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { loggable } from '../logger.ts';

/** The status of each code. 502 and 504 are left to proxies: what a mailbox's server does wrong is told as 422. */
export const statusOf: Record<ErrorCode, ContentfulStatusCode> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  plan_required: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  address_taken: 409,
  own_address: 409,
  public_mail_domain: 409,
  rate_limited: 429,
  too_large: 413,
  mailbox_refused: 422,
  mailbox_unreachable: 422,
  mailbox_insecure: 422,
  mailbox_protocol: 422,
  host_not_allowed: 422,
  internal: 500,
};

export const titleOf: Record<ErrorCode, string> = {
  invalid: 'The request is invalid',
  unauthenticated: 'Not signed in',
  forbidden: 'Not allowed',
  plan_required: 'The plan does not include this',
  not_found: 'Not found',
  method_not_allowed: 'The method is not allowed',
  conflict: 'In conflict with what is there',
  address_taken: 'The address belongs to another contact',
  own_address: 'The address is one of your own',
  public_mail_domain: 'The domain gives addresses to everybody',
  rate_limited: 'Too many requests',
  too_large: 'Too large',
  mailbox_refused: 'The mailbox refused the sign-in',
  mailbox_unreachable: 'The mailbox cannot be reached',
  mailbox_insecure: 'The connection to the mailbox would not be safe',
  mailbox_protocol: "The mailbox's server answered something unexpected",
  host_not_allowed: 'The host is not allowed',
  internal: 'Something went wrong here',
};

/** The answer to an error (RFC 9457). `type` leads to the code's line in the API reference. */
export function problemResponse(error: AppError): Response {
  const status = statusOf[error.code];
  const body = {
    type: `/api/v1/docs#error-${error.code}`,
    title: titleOf[error.code],
    status,
    code: error.code,
    detail: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.details.length === 0 ? {} : { errors: error.details }),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="Letterlog"' } : {}),
      ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
      // The rest of its body is not read, so nothing can follow on this connection.
      ...(status === 413 ? { connection: 'close' } : {}),
    },
  });
}

/** Answers any error as problem+json. What is not ours to show is logged, and answered with nothing but the request's id. */
export function answerError(log: Logger) {
  return (error: unknown, c: Context): Response => {
    const known = asAppError(error);
    if (known && known.code !== 'internal') return problemResponse(known);
    // Nobody reads this answer; its status is for the log.
    if (hungUp(c))
      return problemResponse(new AppError('invalid', 'The request ended before all of its body had come.'));
    const id = String(c.get('requestId'));
    log.error({ requestId: id, method: c.req.method, route: c.req.path, error: loggable(error) }, 'a request failed');
    return problemResponse(
      new AppError('internal', `Something went wrong here, not with your request. It is recorded as ${id}.`, {
        hint: 'Try again. If it stays so, ask the operator of this installation, who finds the reason under this number.',
      }),
    );
  };
}

/** Whether the client closed the connection before it had sent its whole body: what fails then is the reading of it. */
function hungUp(c: Context): boolean {
  const incoming = (c.env as Partial<HttpBindings> | undefined)?.incoming;
  return incoming !== undefined && incoming.destroyed && !incoming.complete;
}

function asAppError(error: unknown): AppError | null {
  if (error instanceof AppError) return error;
  if (error instanceof HTTPException) {
    if (error.status === 413) return new AppError('too_large', 'The request is larger than allowed.');
    if (error.status < 500) return new AppError('invalid', error.message || 'The request is malformed.');
    return null;
  }
  return ofPostgres((error as { code?: unknown } | null)?.code);
}

/** What a caller sent and only PostgreSQL noticed (its SQLSTATE codes). */
function ofPostgres(code: unknown): AppError | null {
  switch (code) {
    case '22021': // a NUL character in a text
    case '22P02':
    case '22P05':
    case '22001':
    case '22003':
    case '22007': // a time that is none, such as in a cursor of the caller's making
    case '22008':
    case '22009':
      return new AppError(
        'invalid',
        'A value of the request can’t be stored: it holds a forbidden character or is out of range.',
      );
    case '23505':
      return new AppError('conflict', 'Somebody else made the same at this moment. Load it again.');
    case '40P01': // a deadlock: PostgreSQL let the other one go on
    case '40001':
    case '55P03':
      return new AppError('conflict', 'Somebody else changed the same at this moment. Try again.');
    case '23503':
      return new AppError('conflict', 'What this belongs to was deleted at this moment. Load it again.');
    default:
      return null;
  }
}

import type { ClientResponse } from 'hono/client';
import { hc } from 'hono/client';
import type { AppType } from '../../http/app.ts';

/** An answer that is no success, in the server's own words. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly errors: readonly { path: string; message: string }[];

  constructor(
    status: number,
    code: string,
    detail: string,
    hint?: string,
    errors: readonly { path: string; message: string }[] = [],
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.errors = errors;
  }
}

/** Whether what an address of this app names isn't there: the server knows no such thing, or its id is none. */
export function isNowhere(error: unknown): boolean {
  if (!(error instanceof ProblemError)) return false;
  return error.status === 404 || (error.status === 400 && error.errors.some(({ path }) => path === 'id'));
}

/** The API with the server's own types: what it takes and answers is written there, once. */
export const api = hc<AppType>('/api/v1');

/** What the server answered. Throws ProblemError for everything but a success, and when there is no answer. */
export async function answer<T>(asked: Promise<ClientResponse<T>>): Promise<T> {
  const response = await reached(asked);
  const content = parse(await response.text());
  if (!response.ok) throw problemOf(response.status, content);
  return content as T;
}

/** Sign-in and sign-out, which are better-auth's own and so not in the types. `path` is below /api/auth. */
export async function askSignIn(path: string, body: object): Promise<void> {
  const response = await reached(
    fetch(`/api/auth${path}`, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
  if (!response.ok) throw problemOf(response.status, parse(await response.text()));
}

async function reached<R>(asked: Promise<R>): Promise<R> {
  try {
    return await asked;
  } catch {
    throw new ProblemError(0, 'unreachable', "The server can't be reached.", 'Check your connection, then try again.');
  }
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(status: number, content: unknown): ProblemError {
  const problem = (content ?? {}) as {
    code?: string;
    detail?: string;
    hint?: string;
    errors?: { path: string; message: string }[];
  };
  const detail =
    problem.detail ??
    (status >= 500
      ? 'The server had a problem with that. Try again in a moment.'
      : `The server refused that (${status}).`);
  return new ProblemError(status, problem.code ?? 'unknown', detail, problem.hint, problem.errors ?? []);
}

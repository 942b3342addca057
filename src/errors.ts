/** Every code that an answer can carry; http/errors.ts maps each to a status. Codes are stable: clients may rely on them. */
export const errorCodes = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'plan_required',
  'not_found',
  'method_not_allowed',
  'conflict',
  'address_taken',
  'own_address',
  'public_mail_domain',
  'rate_limited',
  'too_large',
  'mailbox_refused',
  'mailbox_unreachable',
  'mailbox_insecure',
  'mailbox_protocol',
  'host_not_allowed',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * A failure with a stable code and a sentence that says what to do, safe to show.
 * `details` names the fields at fault ({ path, message }); `hint` is a second sentence of advice; `retryAfter`: seconds until it is worth trying again.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly { path: string; message: string }[];
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown;
      hint?: string;
      details?: readonly { path: string; message: string }[];
      retryAfter?: number;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
    this.retryAfter = options.retryAfter;
  }
}

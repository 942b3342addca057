import { AppError } from '../../errors.ts';
import { ProviderError } from '../provider.ts';
import { hintForHost } from '../well-known.ts';

/** The fields that imapflow and Node set on errors. */
export interface RawError {
  message?: string;
  code?: string;
  responseStatus?: string;
  serverResponseCode?: string;
  responseText?: string;
  response?: unknown;
  authenticationFailed?: boolean;
  tlsFailed?: boolean;
  mailboxMissing?: boolean;
  throttleReset?: number;
}

export interface ServerName {
  host: string;
  port: number;
}

const certificates: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'has been revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is not valid for this name',
  HOSTNAME_MISMATCH: 'is not valid for this name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'comes from an authority that is not trusted here',
  CERT_UNTRUSTED: 'comes from an authority that is not trusted here',
  CERT_SIGNATURE_FAILURE: 'is broken',
};
const absent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'CONNECT_TIMEOUT',
]);
const lost = new Set([
  'NoConnection',
  'EConnectionClosed',
  'StateLogout',
  'ETIMEOUT',
  'ETIMEDOUT',
  'ECONNRESET',
  'EPIPE',
  'NoMailboxSelected',
  'ClosedAfterConnectText',
  'ClosedAfterConnectTLS',
]);
/** RFC 5530: refused for now, not for the password's sake. */
const passing = new Set(['UNAVAILABLE', 'INUSE', 'LIMIT', 'SERVERBUG', 'CONTACTADMIN', 'THROTTLED', 'OVERQUOTA']);

/** Whether the connection is gone or unusable, so that the same may work on a new one. */
export function isLost(error: unknown): boolean {
  const { code } = error as RawError;
  return error instanceof ConnectionLost || (code !== undefined && (lost.has(code) || isUnreadable(code)));
}

/** The server has enough of this connection: some list the folders once in each, or have it in use elsewhere (RFC 5530). */
export function isTired(error: unknown): boolean {
  const { responseStatus, serverResponseCode } = error as RawError;
  return responseStatus === 'NO' && (serverResponseCode === 'SERVERBUG' || serverResponseCode === 'INUSE');
}

/** A connection that had been signed in broke, or stalled, while it was used. */
export class ConnectionLost extends Error {
  readonly stalled: boolean;

  constructor(stalled: boolean) {
    super(stalled ? 'The server stopped answering.' : 'The connection was lost.');
    this.stalled = stalled;
  }
}

/** More came than an answer may have; the connection was cut. */
export class Flooded extends ProviderError {
  constructor() {
    super('protocol', 'The server gives an answer without end.');
  }
}

/** The user has as many connections as the server allows. */
export class TooManyConnections extends ProviderError {
  constructor(host: string, cause?: Error) {
    super('transient', `${host} allows no more connections of this mailbox at the moment.`, {
      reason: 'unreachable',
      cause,
    });
  }
}

function isUnreadable(code: string): boolean {
  return /^(?:ParserError|LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooMany|UnexpectedTag|MissingTag|InvalidResponse|ResponseProcessingFailed|MAX_IMAP)/.test(
    code,
  );
}

/** What went wrong while the connection was made, for a person. Nothing that the server said is repeated: it may hold the password. */
export function connectError(error: unknown, server: ServerName): ProviderError {
  if (error instanceof ProviderError) return error;
  const { host, port } = server;
  if (error instanceof AppError) {
    const known = error.code === 'host_not_allowed';
    return new ProviderError(known ? 'unsupported' : 'transient', error.message, {
      reason: known ? 'not-allowed' : 'unreachable',
      hint: error.hint,
      cause: error,
    });
  }
  const raw = error as RawError;
  const code = raw.code ?? '';
  if (/too many (?:simultaneous )?connections|maximum number of connections|connection limit/i.test(said(raw)))
    return new TooManyConnections(host, detail(raw));
  const certificate = certificates[code];
  if (certificate || /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_)/.test(code))
    return new ProviderError('transient', `The certificate of ${host} ${certificate ?? 'can not be trusted'}.`, {
      reason: 'insecure',
      hint: 'Check the name of the server, or ask its administrator.',
      cause: detail(raw),
    });
  if (raw.tlsFailed)
    return new ProviderError('unsupported', `${host}:${port} offers no encryption (STARTTLS).`, {
      reason: 'insecure',
      hint: 'Try TLS on port 993.',
    });
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return new ProviderError('unsupported', `${host}:${port} does not speak TLS.`, {
      reason: 'insecure',
      hint: 'Try STARTTLS, or port 993.',
      cause: detail(raw),
    });
  if (raw.authenticationFailed || raw.serverResponseCode) return signInError(raw, host);
  if (/Unsupported authentication|No matching auth/i.test(raw.message ?? ''))
    return new ProviderError('unsupported', `${host} offers no sign-in with a password.`, { hint: hintForHost(host) });
  if (absent.has(code)) return unreachable(`No IMAP server answers at ${host}:${port}.`, raw);
  if (code === 'GREETING_TIMEOUT' || (isUnreadable(code) && code !== 'ETIMEOUT'))
    return unreachable(`${host}:${port} answers, but not as an IMAP server.`, raw);
  if (code === 'UPGRADE_TIMEOUT' || code === 'ETIMEOUT') return unreachable(`${host} stopped answering.`, raw);
  return unreachable(`${host}:${port} closed the connection before the sign-in was done.`, raw);
}

/** What the server said to people; it decides, and is never repeated. */
function said(raw: RawError): string {
  return `${raw.responseText ?? ''} ${typeof raw.response === 'string' ? raw.response : ''}`;
}

function signInError(raw: RawError, host: string): ProviderError {
  const code = raw.serverResponseCode ?? '';
  const text = said(raw);
  if (code === 'PRIVACYREQUIRED' || /login is disabled/i.test(raw.message ?? ''))
    return new ProviderError('unsupported', `${host} takes passwords over encrypted connections only.`, {
      reason: 'insecure',
      hint: 'Choose TLS or STARTTLS.',
    });
  const busy = /too many|simultaneous|try again|temporar|rate.?limit|throttl|unavailable|overload/i.test(text);
  if (passing.has(code) || (busy && code !== 'AUTHENTICATIONFAILED'))
    return new ProviderError('transient', `${host} takes no sign-ins at the moment.`, {
      reason: 'unreachable',
      cause: detail(raw),
    });
  if (code === 'EXPIRED')
    return new ProviderError('auth', 'The server says that this password has expired.', { hint: hintForHost(host) });
  if (/no password configured/i.test(raw.message ?? '')) return new ProviderError('auth', 'The password is missing.');
  return new ProviderError('auth', 'The server refused this password.', { hint: hintForHost(host) });
}

/** What went wrong on a connection that was signed in. `folder` is named where it is about one. */
export function commandError(error: unknown, server: ServerName, folder: string | null): ProviderError {
  if (error instanceof ProviderError) return error;
  const { host } = server;
  if (error instanceof ConnectionLost)
    return unreachable(error.stalled ? `${host} stopped answering.` : `The connection to ${host} was lost.`, {});
  const raw = error as RawError;
  const code = raw.serverResponseCode ?? '';
  if (raw.mailboxMissing || code === 'NONEXISTENT' || code === 'TRYCREATE' || raw.code === 'NotFound')
    return new ProviderError('gone', `The folder ${folder ?? ''} is no longer there.`);
  if (raw.code === 'ETHROTTLE' || code === 'THROTTLED')
    return new ProviderError('rate-limit', `${host} asks to wait.`, {
      retryAfter: raw.throttleReset ? Math.ceil(raw.throttleReset / 1000) : undefined,
    });
  if (raw.code && isUnreadable(raw.code))
    return new ProviderError('protocol', `${host} gave an answer that can not be read.`, { cause: detail(raw) });
  if (isLost(raw)) return unreachable(`The connection to ${host} was lost.`, raw);
  if (code === 'NOPERM')
    return new ProviderError('unsupported', `${host} does not let you read the folder ${folder ?? ''}.`);
  if (raw.responseStatus === 'BAD')
    return new ProviderError('protocol', `${host} does not understand a command.`, { cause: detail(raw) });
  // RFC 9051, 6.3.3: "can't access mailbox". One that is broken must not keep the others from being read.
  if (raw.responseStatus === 'NO' && folder !== null)
    return new ProviderError('transient', `${host} can not give the folder ${folder} at the moment.`, {
      cause: detail(raw),
      folderOnly: true,
    });
  return new ProviderError('transient', `${host} can not do this at the moment.`, { cause: detail(raw) });
}

function unreachable(message: string, raw: RawError): ProviderError {
  return new ProviderError('transient', message, { reason: 'unreachable', cause: detail(raw) });
}

/** For the log: codes only. Messages, commands and answers may carry what must stay secret. */
function detail(raw: RawError): Error | undefined {
  const codes = [raw.code, raw.responseStatus, raw.serverResponseCode].filter(Boolean).join(' ');
  return codes ? new Error(codes) : undefined;
}

import { AppError } from '../errors.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Mailbox, Provider, ProviderErrorKind, ProviderErrorReason } from '../providers/provider.ts';

/** Long enough for a slow server with hundreds of folders, short enough for a person who waits. */
const limitMs = 60_000;

/**
 * Opens a mailbox for one piece of work and closes it whatever happens. Never call it inside a transaction. Throws AppError with a sentence for the
 * person who waits: mailbox_refused, mailbox_unreachable, mailbox_insecure, mailbox_protocol, or what the address guard threw. No error holds any
 * of the credentials, nor is the provider's error attached.
 */
export async function withMailbox<T>(
  deps: { providers: Record<string, Provider>; mailboxLimitMs?: number },
  target: { provider: string; settings: unknown; credentials: unknown },
  work: (mailbox: Mailbox) => Promise<T>,
): Promise<T> {
  const provider = Object.hasOwn(deps.providers, target.provider) ? deps.providers[target.provider] : undefined;
  if (!provider) throw new AppError('invalid', `There is no provider “${target.provider}” here.`);
  const timer = Promise.withResolvers<never>();
  const alarm = setTimeout(() => timer.reject(tooSlow()), deps.mailboxLimitMs ?? limitMs);
  const opening = Promise.try(() => provider.open(target.settings, target.credentials));
  try {
    return await Promise.race([timer.promise, opening.then(work)]);
  } catch (error) {
    throw withoutSecrets(asAppError(error), target.credentials);
  } finally {
    clearTimeout(alarm);
    // Not awaited: a server that stalls must not hold up the answer. One that opens after the limit is closed all the same.
    void opening.then((mailbox) => mailbox.close()).catch(() => {});
  }
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof ProviderError)) {
    return new AppError(
      'internal',
      'Opening the mailbox failed here. Try again; if it persists, tell your administrator.',
    );
  }
  const code = codeOf(error);
  return new AppError(code, error.message, { hint: error.hint ?? hints[code] });
}

type Failure = 'mailbox_refused' | 'mailbox_unreachable' | 'mailbox_insecure' | 'mailbox_protocol' | 'host_not_allowed';

const byReason = {
  unreachable: 'mailbox_unreachable',
  insecure: 'mailbox_insecure',
  'not-allowed': 'host_not_allowed',
} as const satisfies Record<ProviderErrorReason, Failure>;

const byKind = {
  auth: 'mailbox_refused',
  'rate-limit': 'mailbox_unreachable',
  transient: 'mailbox_unreachable',
  gone: 'mailbox_protocol',
  unsupported: 'mailbox_protocol',
  protocol: 'mailbox_protocol',
} as const satisfies Record<ProviderErrorKind, Failure>;

const hints: Partial<Record<Failure, string>> = {
  mailbox_refused:
    'Check the user name and the password. Many providers ask for an app password instead of the usual one.',
  mailbox_unreachable: 'Check the host and the port, or try again in a few minutes.',
};

function codeOf(error: ProviderError): Failure {
  return error.reason === undefined ? byKind[error.kind] : byReason[error.reason];
}

/** Servers have been seen to repeat what was sent to them. */
function withoutSecrets(error: AppError, credentials: unknown): AppError {
  const secrets = Object.values((credentials ?? {}) as Record<string, unknown>).filter(
    (value): value is string => typeof value === 'string' && value.length >= 4,
  );
  const clean = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '•••'), text);
  if (clean(error.message + (error.hint ?? '')) === error.message + (error.hint ?? '')) return error;
  return new AppError(error.code, clean(error.message), {
    hint: error.hint && clean(error.hint),
    details: error.details,
  });
}

function tooSlow(): AppError {
  return new AppError('mailbox_unreachable', "The server didn't answer in time.", {
    hint: 'Check the host and the port, or try again in a few minutes.',
  });
}

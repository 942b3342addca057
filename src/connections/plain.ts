import { AppError } from '../errors.ts';
import { isPublicAddress } from '../net/guard.ts';
import type { MailboxDeps } from './deps.ts';

/**
 * Throws AppError 'mailbox_insecure' where the settings ask to send the password in clear to a host that isn't an internal one which the installation
 * allows, and what the guard throws. Asks the DNS: never call it inside a transaction.
 */
export async function refusePlain(deps: Pick<MailboxDeps, 'guard'>, settings: Record<string, unknown>): Promise<void> {
  if (settings['security'] !== 'plain') return;
  const host = String(settings['host']);
  if (!isPublicAddress((await deps.guard.resolve(host)).address)) return;
  throw new AppError(
    'mailbox_insecure',
    'Without encryption the password could be read on its way, so it is not sent.',
    {
      hint: 'Choose TLS or STARTTLS. Only servers inside the own network may do without.',
      details: [{ path: 'settings.security', message: 'must be tls or starttls for this host' }],
    },
  );
}

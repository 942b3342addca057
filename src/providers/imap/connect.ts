import { isIP } from 'node:net';
import tls from 'node:tls';
import { ImapFlow } from 'imapflow';
import { type AddressGuard, isPublicAddress } from '../../net/guard.ts';
import type { ImapSettings } from '../imap-settings.ts';
import { ProviderError } from '../provider.ts';
import { connectError } from './errors.ts';

export interface ConnectOptions {
  guard: AddressGuard;
  secureContext: tls.SecureContext;
  /** For connecting and greeting, and for silence while a command runs. */
  timeoutSeconds: number;
  /** Of quiet connections: how soon IDLE is begun anew. */
  refreshSeconds: number;
}

/** What the TLS of all connections shares: one made for each takes 30 KB. `ca`: PEM of one that is trusted beside the usual ones, e.g. of a company. */
export function secureContextWith(ca: string | undefined): tls.SecureContext {
  return tls.createSecureContext({
    minVersion: 'TLSv1.2',
    ca: ca === undefined ? undefined : [...tls.getCACertificates('default'), ca],
  });
}

/**
 * Connects and signs in. The address is the one that the guard has checked, the certificate must be valid for the name. A password goes out unencrypted
 * only when `plain` was chosen and the server is an internal one (which the administrator has allowed, else the guard refuses it).
 */
export async function connect(settings: ImapSettings, password: string, options: ConnectOptions): Promise<ImapFlow> {
  const { host, port, security, user } = settings;
  let client: ImapFlow | null = null;
  let late: NodeJS.Timeout | undefined;
  try {
    const { address } = await options.guard.resolve(host);
    const isPublic = isPublicAddress(address);
    if (security === 'plain' && isPublic)
      throw new ProviderError('unsupported', `The password would go to ${host} unencrypted.`, {
        reason: 'insecure',
        hint: 'Choose TLS or STARTTLS.',
      });
    const timeout = options.timeoutSeconds * 1000;
    client = new ImapFlow({
      host: address,
      port,
      secure: security === 'tls',
      doSTARTTLS: security === 'starttls' ? true : security === 'plain' ? false : undefined,
      servername: isIP(host) ? undefined : host,
      tls: { secureContext: options.secureContext },
      auth: { user, pass: password },
      logger: false,
      disableAutoIdle: true,
      // Costs four times the memory and, nearby, more time than it saves.
      disableCompression: true,
      clientInfo: { name: 'Letterlog', version: false, vendor: false, 'support-url': false },
      connectionTimeout: timeout,
      greetingTimeout: timeout,
      // The last resort: commands are watched by the session, quiet is broken by its refresh.
      socketTimeout: (options.refreshSeconds + 2 * options.timeoutSeconds) * 1000,
      maxLineLength: 32 * 1024 * 1024,
      maxLiteralSize: 64 * 1024 * 1024,
      maxResponseSize: 128 * 1024 * 1024,
      maxLockHoldTime: false,
    });
    // Unheard, it would end the process; whoever uses the connection sees it break.
    client.on('error', () => undefined);
    const opening = client.connect();
    const expired = new Promise<never>((_resolve, reject) => {
      late = setTimeout(() => reject(Object.assign(new Error('late'), { code: 'ETIMEOUT' })), 3 * timeout);
    });
    opening.catch(() => undefined);
    await Promise.race([opening, expired]);
    return client;
  } catch (error) {
    client?.close();
    throw connectError(error, settings);
  } finally {
    clearTimeout(late);
  }
}

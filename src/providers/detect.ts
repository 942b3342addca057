import { addressKey } from '../mail/address.ts';
import { AppError } from '../errors.ts';
import type { ImapSettings } from './imap-settings.ts';
import { type WellKnown, wellKnown } from './well-known.ts';

export interface Detected {
  provider: 'imap';
  /** For people: "Gmail", or the domain. */
  name: string;
  settings: ImapSettings;
  /** False: the settings are only likely. */
  known: boolean;
  /** What to do first, e.g. make an app password. */
  hint?: string;
}

/**
 * How the mailbox of an address is probably reached; without asking anybody. An own domain may lie at any provider: then imap.<domain>.
 * Throws AppError 'invalid' when it is no address.
 */
export function detect(address: string): Detected {
  const domain = addressKey(address)?.split('@').pop();
  if (!domain || domain.startsWith('['))
    throw new AppError('invalid', `${address.slice(0, 100)} is not an email address.`);
  const typed = address.trim();
  const found = wellKnown.find((entry) => entry.domains.some((pattern) => matches(pattern, domain)));
  if (!found) {
    return {
      provider: 'imap',
      name: domain,
      settings: { host: `imap.${domain}`, port: 993, security: 'tls', user: typed },
      known: false,
      hint:
        'Check the name of the server. With Google Workspace it is imap.gmail.com, with an app password; ' +
        'Microsoft 365 does not take passwords for IMAP.',
    };
  }
  return { provider: 'imap', name: found.name, settings: settingsOf(found, typed), known: true, hint: found.hint };
}

/** Whether everybody can have an address at this domain, as far as known providers go. What stands for a customer (acme.onmicrosoft.com) isn't such a domain. */
export function isPublicDomain(domain: string): boolean {
  return wellKnown.some(({ domains }) =>
    domains.some((pattern) => !pattern.startsWith('*') && matches(pattern, domain)),
  );
}

function settingsOf(entry: WellKnown, address: string): ImapSettings {
  return {
    host: entry.host,
    port: entry.port ?? 993,
    security: entry.security ?? 'tls',
    user: entry.user === 'local' ? address.slice(0, address.lastIndexOf('@')) : address,
  };
}

/** `*` stands for one label. */
function matches(pattern: string, domain: string): boolean {
  const [wanted, labels] = [pattern.split('.'), domain.split('.')];
  return wanted.length === labels.length && wanted.every((label, at) => label === '*' || label === labels[at]);
}

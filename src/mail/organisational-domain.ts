import { domainToASCII } from 'node:url';
import { getDomain } from 'tldts';

/**
 * The domain under which names belong to one organisation (RFC 7489, section 3.2): `mail.example.co.uk` -> `example.co.uk`, by the public suffix list. Null when it is
 * no domain.
 */
export function organisationalDomain(domain: string): string | null {
  const name = domainToASCII(domain.trim().replace(/\.$/, '').toLowerCase());
  return name.length > 253 ? null : getDomain(name, { allowPrivateDomains: true });
}

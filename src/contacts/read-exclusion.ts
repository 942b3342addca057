import { domainToUnicode } from 'node:url';
import { getPublicSuffix } from 'tldts';
import { AppError } from '../errors.ts';
import { addressKey, domainKey } from '../mail/address.ts';

/**
 * What an entry excludes: “ben@example.com” an address with all its plus-tags, “example.com” or “@example.com” a domain with its subdomains. Throws AppError
 * 'invalid', 'public_mail_domain'.
 */
export function readExclusion(
  entry: { value: string; ownDomain?: boolean; evenIfPublic?: boolean },
  isPublicDomain: (domain: string) => boolean,
): { kind: 'address' | 'domain' | 'own_domain'; value: string } {
  const text = entry.value.trim();
  if (text.lastIndexOf('@') > 0) {
    const key = addressKey(text);
    if (key === null) throw invalid(text, 'is no email address', 'Write it as name@example.com.');
    if (entry.ownDomain) throw invalid(text, 'is an address', 'Enter the domain alone, as in example.com.');
    return { kind: 'address', value: key };
  }
  const domain = domainKey(text.replace(/^@/, ''));
  if (domain === null) throw invalid(text, 'is neither an email address nor a domain', asWritten(text));
  if (domain.startsWith('[') || !domain.includes('.') || getPublicSuffix(domain) === domain) {
    throw invalid(text, 'is no domain of somebody', 'Write the whole domain, as in example.com.');
  }
  if (isPublicDomain(domain)) refusePublic(domain, entry);
  return { kind: entry.ownDomain ? 'own_domain' : 'domain', value: domain };
}

/** An exclusion's value for people: its domain in its own script. */
export function shownExclusion(value: string): string {
  const at = value.lastIndexOf('@') + 1;
  return value.slice(0, at) + (domainToUnicode(value.slice(at)) || value.slice(at));
}

function asWritten(text: string): string {
  if (text.startsWith('*')) return 'Write it without “*”: a domain covers its subdomains by itself.';
  return 'Write name@example.com or example.com.';
}

function refusePublic(
  domain: string,
  { ownDomain, evenIfPublic }: { ownDomain?: boolean; evenIfPublic?: boolean },
): void {
  const everybody = `Everybody can have an address at ${domain}`;
  if (ownDomain) {
    throw new AppError('public_mail_domain', `${everybody}, so it can't be your own domain.`, {
      hint: 'All your contacts with such addresses would count as colleagues. Exclude single addresses instead.',
      details: [{ path: 'value', message: 'gives addresses to everybody' }],
    });
  }
  if (evenIfPublic) return;
  throw new AppError(
    'public_mail_domain',
    `${everybody}, so this would keep the mail of many contacts out of the log.`,
    {
      hint: 'Exclude single addresses instead, or confirm that you mean the whole domain (evenIfPublic).',
      details: [{ path: 'value', message: 'gives addresses to everybody' }],
    },
  );
}

function invalid(text: string, message: string, advice: string): AppError {
  return new AppError('invalid', `“${text.slice(0, 100)}” ${message}. ${advice}`, {
    details: [{ path: 'value', message }],
  });
}

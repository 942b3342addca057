import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../errors.ts';

/** Decides which servers may be reached for a user: nobody can use a mailbox's host to knock at the doors inside. */
export interface AddressGuard {
  /**
   * The address to connect to; never resolve again afterwards, or a second answer of the DNS could lead elsewhere. TLS still checks the name.
   * Throws AppError 'host_not_allowed' for loopback, private, link-local, metadata ... addresses that are not allowed, 'mailbox_unreachable'
   * when there is no such host.
   */
  resolve(host: string): Promise<{ address: string; family: 4 | 6 }>;
}

export type Lookup = (host: string) => Promise<{ address: string }[]>;

const lookupTimeout = 15_000;
const globalUnicast = ipaddr.parseCIDR('2000::/3');
const nat64 = ipaddr.parseCIDR('64:ff9b::/96');

/** `allow`: host names, IP addresses or CIDR ranges that may be reached although they are internal. */
export function createAddressGuard(
  allow: string[],
  lookup: Lookup = (host) => systemLookup(host, { all: true, order: 'verbatim' }),
): AddressGuard {
  const names = new Set<string>();
  const ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];
  for (const entry of allow.map(plainHost).filter((text) => text !== '')) {
    const range = parseRange(entry);
    if (range) ranges.push(range);
    else names.add(entry);
  }
  const allowed = (address: string) => {
    const parsed = ipaddr.process(address);
    return ranges.some(([base, bits]) => base.kind() === parsed.kind() && parsed.match(base, bits));
  };

  return {
    async resolve(host) {
      const name = plainHost(host);
      if (name === '') throw new AppError('host_not_allowed', 'The name of the server is missing.');
      const found = ipaddr.isValid(name) ? [{ address: name }] : await lookUp(lookup, name, host);
      const usable = found.find(({ address }) => names.has(name) || isPublicAddress(address) || allowed(address));
      if (!usable) {
        throw new AppError('host_not_allowed', `${host} is an address inside this server's own network.`, {
          hint: 'The administrator can allow it with LETTERLOG_ALLOW_INTERNAL_HOSTS.',
        });
      }
      const parsed = ipaddr.parse(usable.address);
      // "134744072" is an address too, but not to whoever connects: it would be looked up again.
      const address = isIP(usable.address) === 0 ? parsed.toString() : usable.address;
      return { address, family: parsed.kind() === 'ipv4' ? 4 : 6 };
    },
  };
}

/** Whether an address belongs to the public internet (IANA special-purpose registries), also when it is wrapped into IPv6. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast';
  // RFC 6052: where the network translates IPv4, every IPv4 host has such an address.
  if (parsed.match(nat64 as [ipaddr.IPv6, number])) return isPublicAddress(parsed.toByteArray().slice(12).join('.'));
  return (
    parsed.range() === 'unicast' && parsed.match(globalUnicast as [ipaddr.IPv6, number]) && parsed.zoneId === undefined
  );
}

async function lookUp(lookup: Lookup, name: string, host: string): Promise<{ address: string }[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The DNS did not answer.')), lookupTimeout);
  });
  try {
    return await Promise.race([lookup(name), late]);
  } catch (cause) {
    throw new AppError('mailbox_unreachable', `No server is found under the name ${host}.`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function plainHost(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

function parseRange(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | null {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (!ipaddr.isValid(text)) return null;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

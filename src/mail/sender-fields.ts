import ipaddr from 'ipaddr.js';
import { organisationalDomain } from './organisational-domain.ts';
import type { Head } from './head.ts';
import { eachField, parseHead, unfold } from './parse-head.ts';
import { parseHandover, parseReceived } from './received.ts';
import { isForeign, ownDomains, senderDomains } from './verdict.ts';
import type { Trust } from './verdict.ts';

/** More than any real header has. */
export const longestHeader = 256 * 1024;
/** Signatures of the sender's that are looked at (RFC 6376, section 6.1 lets a verifier bound them). */
export const mostSignatures = 5;

/** What of a message's header its sender can be checked by. */
export interface SenderFields {
  /** The organisation's domain in From; null where it names none, or several. */
  domain: string | null;
  several: boolean;
  /** The domain in From as it stands there. */
  fromDomain: string;
  /** Where the keys of its signatures are that bear the same organisation's domain, lower case. */
  keyNames: string[];
  /** Signatures are there, and can't be looked at. */
  unusable: boolean;
  /** Who handed it to the receiving side; null where that can't be told for certain. */
  client: { ip: string; helo: string | null; by: string | null } | null;
  /** The envelope's sender, '' for none (RFC 5321, section 4.5.5); null where that isn't known. */
  envelope: string | null;
}

/** Reads a header, or a whole message, from its beginning. */
export function readSenderFields(raw: Buffer, trust: Trust): SenderFields {
  const header = raw.subarray(0, longestHeader);
  const head = parseHead(header);
  const [domain = null, another] = senderDomains(head);
  const several = another !== undefined;
  const fromDomain = head.from[0]?.address.split('@').at(-1)?.toLowerCase() ?? '';
  const fields = { from: 0, signatures: [] as string[], trace: [] as Handed[] };
  eachField(header, (name, folded) => {
    const key = name.toLowerCase();
    if (key === 'from') fields.from += 1;
    if (key === 'dkim-signature') fields.signatures.push(folded);
    if (key === 'received' || key === 'return-path') fields.trace.push({ key, folded });
    return true;
  });
  // A signature vouches for one From; which one a reader sees is anybody's guess (RFC 9989, section 5.3.1).
  const unusable = fields.from > 1 || !endsWithin(header);
  const keys = unusable || several || domain === null ? [] : keyNames(fields.signatures, domain);
  const handed = handedBy(fields.trace, head.trace, trust);
  return {
    domain: several ? null : domain,
    several,
    fromDomain,
    keyNames: keys,
    unusable: unusable && fields.signatures.length > 0,
    ...handed,
  };
}

function endsWithin(header: Buffer): boolean {
  return header.length < longestHeader || header.includes('\n\r\n') || header.includes('\n\n');
}

const keyName = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

/** Names that can be asked for, of the first few signatures whose domain is the sender's: nothing is asked of anybody else's servers, who could delay the answer. */
function keyNames(signatures: readonly string[], domain: string): string[] {
  const names: string[] = [];
  for (const folded of signatures) {
    const value = unfold(folded);
    const [d, s] = [tag(value, 'd'), tag(value, 's')];
    if (d === null || s === null || organisationalDomain(d) !== domain) continue;
    const name = keyNameOf(s, d);
    if (name !== null) names.push(name);
    if (names.length === mostSignatures) break;
  }
  return [...new Set(names)];
}

/** Where the key of a signature is (RFC 6376, section 3.6.2.1), lower case; null where that is no name. */
export function keyNameOf(selector: string, domain: string): string | null {
  const name = `${selector}._domainkey.${domain}`.toLowerCase();
  return keyName.test(name) ? name : null;
}

/** The last one of that name counts, as for who verifies the signature. */
function tag(value: string, wanted: string): string | null {
  let found: string | null = null;
  for (const part of value.split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim().toLowerCase() === wanted) found = part.slice(at + 1).replace(/\s+/g, '');
  }
  return found;
}

interface Handed {
  key: 'received' | 'return-path';
  folded: string;
}

/**
 * Who handed the message to the receiving side, by the topmost Received that tells of the outside. What is handed on within one machine or by LMTP stands above it; anything
 * else ends the search, and so does what another organisation wrote. The envelope's sender counts where it stands above too: below is the sender's to write.
 */
function handedBy(
  fields: readonly Handed[],
  trace: Head['trace'],
  trust: Trust,
): Pick<SenderFields, 'client' | 'envelope'> {
  const own = ownDomains(trace, trust);
  let envelope: string | null = null;
  for (const { key, folded } of fields) {
    const value = unfold(folded);
    if (key === 'return-path') {
      envelope ??= /^(?:<([^<>]*)>|(\S+@\S+)$)/.exec(value)?.slice(1).join('').trim() ?? null;
      continue;
    }
    const { by, ip } = parseReceived(value);
    if (by === null || isForeign(by, own)) break;
    const { from, helo } = parseHandover(value);
    if (from === 'inside') continue;
    return { client: from === 'outside' && ip !== null && !isWithin(ip) ? { ip, helo, by } : null, envelope };
  }
  return { client: null, envelope };
}

/** An address of a network's own: of a relay, or of whoever translates addresses before the server. */
function isWithin(ip: string): boolean {
  return ['private', 'loopback', 'linkLocal', 'uniqueLocal', 'carrierGradeNat', 'unspecified'].includes(
    ipaddr.process(ip).range(),
  );
}

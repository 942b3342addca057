import { domainToASCII } from 'node:url';

/** A name and an address as a message gives them (RFC 5322 calls the pair a mailbox). */
export interface Address {
  name: string;
  address: string;
}

/** RFC 5321 allows 64 + 1 + 255 octets. */
const longest = 320;
const atom = /^[^\s"(),:;<>@[\\\]\p{Cc}]+$/u;
const plainDomain = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const literalDomain = /^\[[0-9a-z:.-]+\]$/;
const foreignDomain = /^[\p{L}\p{M}\p{N}._-]+$/u;

/**
 * The form under which addresses are compared: case folded, plus-tag removed, IDN domain as lower-case punycode.
 * `A.B+x@Exämple.org` -> `a.b@xn--exmple-cua.org`. Dots stay: only some providers ignore them. Null when it is no address.
 */
export function addressKey(address: string): string | null {
  const text = address.trim();
  const at = text.lastIndexOf('@');
  if (at < 1 || text.length > longest || !text.isWellFormed()) return null;
  const local = localKey(text.slice(0, at));
  const domain = domainKey(text.slice(at + 1));
  return local === null || domain === null ? null : `${local}@${domain}`;
}

function localKey(local: string): string | null {
  const folded = fold(local);
  const quoted = folded.startsWith('"');
  if (quoted && !/^"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"$/u.test(folded)) return null;
  const bare = quoted ? folded.slice(1, -1).replace(/\\(.)/gu, '$1') : folded;
  // A local part that begins with "+" is an address of its own, not a tag.
  const plus = bare.indexOf('+', 1);
  const untagged = (plus < 0 ? bare : bare.slice(0, plus)).trim();
  if (untagged === '') return null;
  if (atom.test(untagged)) return untagged;
  return quoted ? `"${untagged.replace(/["\\]/g, '\\$&')}"` : null;
}

/** The form under which domains are compared: lower-case, IDN as punycode, without a dot at the end. Null when it is no domain. */
export function domainKey(domain: string): string | null {
  const folded = fold(domain.endsWith('.') ? domain.slice(0, -1) : domain);
  if (folded.length > 253) return null;
  if (plainDomain.test(folded) && !folded.includes('xn--')) return folded;
  if (literalDomain.test(folded)) return folded;
  if (!foreignDomain.test(folded)) return null;
  const ascii = domainToASCII(folded);
  return plainDomain.test(ascii) ? ascii : null;
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}

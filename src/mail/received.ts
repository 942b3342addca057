import { isIP } from 'node:net';

/** What a Received field says of a hop (RFC 5321, section 4.4). */
export interface Hop {
  /** The host that wrote it, lower case; null where it isn't said. */
  by: string | null;
  /** The address that the message came from, as the host saw it; null where there is none or not one only. */
  ip: string | null;
}

/** How a message came in, as far as it matters to whether an address sent it from outside. */
export interface Handover {
  /** 'outside': by SMTP, from an address of its own. 'inside': from another program of the receiving side. Null: signed in, fetched, or not told. */
  from: 'outside' | 'inside' | null;
  /** By which name the other side greeted: its own choice. */
  helo: string | null;
}

/** Characters that are looked at: four lines of the longest that there may be (RFC 5322, 2.1.1), where servers write two short ones. */
const longest = 4 * 1024;
/** Only one of its repetitions can take a space: two would try every way to share out a long run of them. */
const greeting = /\b(?:helo|ehlo)\b(?:\s*=|\s)\s*([^\s()]+)/i;
const greetings = new RegExp(greeting, 'gi');

/** Reads the unfolded value of a Received field. The name by which the other side greeted is its own choice, and isn't looked at. */
export function parseReceived(value: string): Hop {
  const { by, seen } = readHop(value);
  return { by, ip: seen.length === 1 ? seen[0]! : null };
}

/** Whether a Received field tells of mail that came from outside, by the protocol (RFC 5321, 4.4; the registry of RFC 3848) and the address. */
export function parseHandover(value: string): Handover {
  const text = value.slice(0, longest);
  const { words, by, seen } = readHop(text);
  const helo = greeting.exec(text)?.[1] ?? (isFrom(words[0]) ? (words[1] ?? null) : null);
  const protocol = (words[words.findIndex((word) => word.toLowerCase() === 'with') + 1] ?? '').toLowerCase();
  if (by === null || seen.length > 1) return { from: null, helo };
  if (protocol.startsWith('lmtp') || (seen[0] !== undefined && isLoopback(seen[0]))) return { from: 'inside', helo };
  // Sent by somebody who signed in at the server: the address is that of a desk.
  const signedIn = /\(authenticated (?:sender|user|bits)\b/i.test(text);
  // ESMTPA and ESMTPSA say the same.
  const smtp = /^(?:e?smtps?|utf8smtps?|microsoft)$/.test(protocol);
  return { from: seen.length === 1 && smtp && !signedIn ? 'outside' : null, helo };
}

function readHop(value: string): { words: string[]; by: string | null; seen: string[] } {
  const text = value.slice(0, longest);
  const { plain, comments } = withoutComments(text.replace(greetings, ''));
  const words = plain.split(/[\s;]+/).filter(Boolean);
  const at = words.findIndex((word, index) => word.toLowerCase() === 'by' && (index === 0 || index > 1));
  const by = at < 0 ? null : (words[at + 1]?.toLowerCase().replace(/\.$/, '') ?? null);
  // Only what stands before "by" is about the other side.
  const aside = comments.filter(({ position }) => at < 0 || position <= at).map((comment) => comment.text);
  const named = at > 0 && /^\[.*\]$/.test(words[1] ?? '') ? [words[1]!] : [];
  const seen = addresses(aside.join(' '));
  return { words, by, seen: seen.length > 0 ? seen : addresses(named.join(' ')) };
}

const isFrom = (word: string | undefined) => word?.toLowerCase() === 'from';

const isLoopback = (address: string) => /^(?:::ffff:)?127\./.test(address) || address === '::1';

function addresses(text: string): string[] {
  const candidates = text.match(/(?:ipv6:)?[0-9a-f:.]{3,45}/gi) ?? [];
  return [...new Set(candidates.map((one) => one.replace(/^ipv6:/i, '').toLowerCase()).filter((one) => isIP(one) > 0))];
}

/** Comments with how many words stand before them. */
function withoutComments(text: string): { plain: string; comments: { text: string; position: number }[] } {
  const comments: { text: string; position: number }[] = [];
  let plain = '';
  let comment = '';
  let depth = 0;
  let words = 0;
  let inWord = false;
  for (const character of text) {
    if (character === '(') depth += 1;
    if (depth > 0) comment += character;
    else {
      plain += character;
      const before = inWord;
      inWord = !/[\s;]/.test(character);
      if (inWord && !before) words += 1;
    }
    if (character !== ')' || depth === 0) continue;
    depth -= 1;
    if (depth > 0) continue;
    comments.push({ text: comment, position: words });
    comment = '';
    plain += ' ';
    inWord = false;
  }
  return { plain, comments };
}

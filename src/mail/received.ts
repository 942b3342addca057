import { isIP } from 'node:net';

/** What a Received field says of a hop (RFC 5321, section 4.4). */
export interface Hop {
  /** The host that wrote it, lower case; null where it isn't said. */
  by: string | null;
  /** The address that the message came from, as the host saw it; null where there is none or not one only. */
  ip: string | null;
}

const longest = 4 * 1024;

/** Reads the unfolded value of a Received field. The name by which the other side greeted is its own choice, and isn't looked at. */
export function parseReceived(value: string): Hop {
  const text = value.slice(0, longest);
  const { plain, comments } = withoutComments(text.replace(/\b(?:helo|ehlo)\b\s*[= ]\s*[^\s()]+/gi, ''));
  const words = plain.split(/[\s;]+/).filter(Boolean);
  const at = words.findIndex((word, index) => word.toLowerCase() === 'by' && (index === 0 || index > 1));
  const by = at < 0 ? null : (words[at + 1]?.toLowerCase().replace(/\.$/, '') ?? null);
  // Only what stands before "by" is about the other side.
  const aside = comments.filter(({ position }) => at < 0 || position <= at).map((comment) => comment.text);
  const named = at > 0 && /^\[.*\]$/.test(words[1] ?? '') ? [words[1]!] : [];
  const seen = addresses(aside.join(' '));
  const found = seen.length > 0 ? seen : addresses(named.join(' '));
  return { by, ip: found.length === 1 ? found[0]! : null };
}

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
  for (const character of text) {
    if (character === '(') depth += 1;
    if (depth > 0) comment += character;
    else plain += character;
    if (character !== ')' || depth === 0) continue;
    depth -= 1;
    if (depth > 0) continue;
    comments.push({ text: comment, position: plain.split(/[\s;]+/).filter(Boolean).length });
    comment = '';
    plain += ' ';
  }
  return { plain, comments };
}

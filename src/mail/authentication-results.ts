/** One method of an Authentication-Results field (RFC 8601, section 2.2), names in lower case. */
export interface MethodResult {
  method: string;
  result: string;
  /** By "ptype.property": the first of each name. */
  properties: ReadonlyMap<string, string>;
}

export interface AuthenticationResults {
  /** Who says so; null where the field names nobody, as Microsoft writes it. */
  authservId: string | null;
  results: MethodResult[];
}

/** Characters: eight lines of the longest that there may be (RFC 5322, 2.1.1). Real ones stay below 3,000. */
const longest = 8 * 1024;
const mostResults = 100;

/**
 * Reads the unfolded value of an Authentication-Results field: comments are left out, values may be quoted. Null when it is malformed or longer than any that a server
 * writes: half of a statement isn't believed.
 */
export function parseAuthenticationResults(value: string): AuthenticationResults | null {
  const segments = value.length > longest ? null : split(value);
  if (segments === null) return null;
  const [first = [], ...rest] = segments;
  const unnamed = first.includes('=');
  // A version may follow the name (RFC 8601, section 2.4).
  const authservId = unnamed ? null : (first[0] ?? null)?.toLowerCase() || null;
  if (authservId === null && !unnamed) return null;
  const results: MethodResult[] = [];
  for (const segment of unnamed ? segments : rest) {
    const result = readResult(segment);
    // Also "none", and what Microsoft puts between its results.
    if (result !== null && results.length < mostResults) results.push(result);
  }
  return { authservId, results };
}

/** Words and "=" by segment; null where a quote or a comment has no end. What was quoted has no quotes any more. */
function split(value: string): string[][] | null {
  const segments: string[][] = [[]];
  let at = 0;
  while (at < value.length) {
    const character = value[at]!;
    if (character === '(') {
      at = endOfComment(value, at);
      if (at < 0) return null;
    } else if (character === '"') {
      const quoted = /"((?:[^"\\]|\\.)*)"/sy;
      quoted.lastIndex = at;
      const match = quoted.exec(value);
      if (!match) return null;
      segments.at(-1)!.push(match[1]!.replace(/\\(.)/gs, '$1'));
      at = quoted.lastIndex;
    } else if (character === ';') {
      segments.push([]);
      at += 1;
    } else if (character === '=') {
      segments.at(-1)!.push('=');
      at += 1;
    } else if (/\s/.test(character)) {
      at += 1;
    } else {
      // Behind the "=" a value may hold more of them: signatures end so, and rewritten senders (SRS) have them inside.
      const word = segments.at(-1)!.at(-1) === '=' ? /[^\s;("]+/y : /[^\s;("=]+/y;
      word.lastIndex = at;
      segments.at(-1)!.push(word.exec(value)![0]);
      at = word.lastIndex;
    }
  }
  return segments;
}

/** Where a comment ends; they nest (RFC 5322, section 3.2.2). -1: nowhere. */
function endOfComment(value: string, from: number): number {
  let depth = 0;
  for (let at = from; at < value.length; at += 1) {
    if (value[at] === '\\') at += 1;
    else if (value[at] === '(') depth += 1;
    else if (value[at] === ')') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

function readResult(segment: readonly string[]): MethodResult | null {
  const words = joined(segment);
  const [method, equals, result] = words;
  if (!method || equals !== '=' || !result || result === '=') return null;
  const properties = new Map<string, string>();
  for (let at = 3; at + 2 < words.length; at += 1) {
    if (words[at + 1] !== '=') continue;
    const name = words[at]!.toLowerCase();
    if (!properties.has(name)) properties.set(name, words[at + 2]!);
    at += 2;
  }
  // "dkim/1": the version of the method.
  return { method: method.toLowerCase().split('/')[0]!, result: result.toLowerCase(), properties };
}

/** Space and comments may stand around "/" and "." too. */
function joined(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const word of words) {
    const before = whole.at(-1);
    if (before !== undefined && (word === '/' || word === '.' || /[^/.][/.]$/.test(before.slice(-2))))
      whole[whole.length - 1] += word;
    else whole.push(word);
  }
  return whole;
}

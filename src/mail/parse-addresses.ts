import { addressParser } from 'postal-mime';
import type { Address } from './address.ts';
import { decodeText } from './decode-text.ts';

const longest = 1000;
/** Characters. Longer values are read entry by entry, of which each is no longer: groups within groups cost the parser for all fifty times the rest. */
const longestEntry = 4 * 1024;

const words = (sign: string) => `${sign}+(?: ${sign}+)*`;
const name = `(?:(${words(String.raw`[\w.'-]`)}) ?|"(${words(String.raw`[\w.,'()&/-]`)})" ?)?`;
/** `Name <local@domain>`, `"Name, given" <local@domain>`, `<local@domain>` or `local@domain`, of signs that mean nothing else anywhere. */
const usual = new RegExp(String.raw`^(?:${name}<([\w.+-]+@[\w.-]+)>|([\w.+-]+@[\w.-]+))$`);

/**
 * The addresses of a field's value, unfolded. Groups come out as their members (RFC 5322, 3.4); entries without an address are left out. Usual ones are
 * read without the parser for all: it takes most of the time that a head takes.
 */
export function parseAddresses(value: string): Address[] {
  const one = usualAddress(value);
  if (one) return [one];
  if (value.length > longestEntry)
    return entriesOf(value).flatMap((entry) => parseAddresses(entry.slice(0, longestEntry).trim()));
  return addressParser(value, { flatten: true }).flatMap(({ name, address }) =>
    address ? [{ name: decodeText(name).slice(0, longest), address: decodeText(address).slice(0, longest) }] : [],
  );
}

function usualAddress(value: string): Address | null {
  const match = value.length <= longest ? usual.exec(value) : null;
  if (match === null) return null;
  const [, bare, quoted, bracketed, alone] = match;
  return { name: bare ?? quoted ?? '', address: (bracketed ?? alone)! };
}

const closing: Readonly<Record<string, string>> = { '"': '"', '(': ')', '<': '>' };

/** The entries of a list without the names and ends of its groups, cut as the parser for all cuts them. */
function entriesOf(value: string): string[] {
  const entries: string[] = [];
  let start = 0;
  let expected = '';
  for (let at = 0; at < value.length; at += 1) {
    const sign = value[at]!;
    if (expected !== '') {
      if (sign === expected) expected = '';
      else if (sign === '\\' && expected === '"') at += 1;
    } else if (sign in closing) expected = closing[sign]!;
    else if (sign === ',' || sign === ';' || sign === ':') {
      if (sign !== ':' && at > start) entries.push(value.slice(start, at));
      start = at + 1;
    }
  }
  entries.push(value.slice(start));
  return entries;
}

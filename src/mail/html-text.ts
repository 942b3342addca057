const hidden = /^(?:script|style|head|title|template|noscript|svg)$/;
const breaks = /^(?:br|p|div|tr|li|ul|ol|table|h[1-6]|blockquote|pre|hr|section|article|header|footer)$/;
const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  euro: '€',
  rsquo: '’',
  lsquo: '‘',
  rdquo: '”',
  ldquo: '“',
  laquo: '«',
  raquo: '»',
  bull: '•',
  copy: '©',
  zwnj: '',
  shy: '',
};

/**
 * The readable text of HTML, for search and snippets; never shown as HTML. One pass, so that no input makes it slow. Quotes (blockquote)
 * come out as lines with ">".
 */
export function htmlToText(html: string): string {
  let text = '';
  let quotes = 0;
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    const end = open < 0 ? html.length : open;
    if (end > at) text += decodeEntities(html.slice(at, end)).replace(/\s+/g, ' ');
    if (open < 0) break;
    if (html.startsWith('<!--', open)) {
      const close = html.indexOf('-->', open + 4);
      at = close < 0 ? html.length : close + 3;
      continue;
    }
    const tag = /^<(\/?)([a-z][a-z0-9]*)/i.exec(html.slice(open, open + 20));
    const close = tag ? endOfTag(html, open) : html.indexOf('>', open);
    if (close < 0) break;
    at = close + 1;
    if (!tag) continue;
    const [name, closing] = [(tag[2] ?? '').toLowerCase(), tag[1] === '/'];
    if (hidden.test(name) && !closing) {
      const after = indexOfEnd(html, name, at);
      at = after < 0 ? html.length : after;
    } else if (name === 'blockquote') {
      quotes = Math.max(0, quotes + (closing ? -1 : 1));
      text += `\n${quotes > 0 ? '> ' : ''}`;
    } else if (breaks.test(name)) text += `\n${quotes > 0 ? '> ' : ''}`;
    else if (name === 'td' || name === 'th') text += ' ';
  }
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line, index, lines) =>
        (line !== '' && line !== '>') || (index > 0 && lines[index - 1] !== '' && lines[index - 1] !== '>'),
    )
    .join('\n')
    .trim();
}

/**
 * Where the tag that begins at `open` ends, -1 for never: at the first ">" that is in no quoted value. A quote that is never closed is taken for a letter, so
 * that it doesn't swallow the rest; it is the last of its kind, so no input makes this slow.
 */
function endOfTag(html: string, open: number): number {
  const next = /[>"']/g;
  next.lastIndex = open;
  for (let match = next.exec(html); match; match = next.exec(html)) {
    if (match[0] === '>') return match.index;
    const end = opensValue(html, match.index) ? html.indexOf(match[0], match.index + 1) : -1;
    if (end >= 0) next.lastIndex = end + 1;
  }
  return -1;
}

/** Whether a quote stands where a value begins: after "=", and perhaps blanks. */
function opensValue(html: string, quote: number): boolean {
  let before = quote - 1;
  while (before >= 0 && /\s/.test(html[before]!)) before--;
  return html[before] === '=';
}

function indexOfEnd(html: string, name: string, from: number): number {
  const expression = new RegExp(`</${name}\\b`, 'gi');
  expression.lastIndex = from;
  const match = expression.exec(html);
  return match ? match.index : -1;
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name) return entities[name] ?? whole;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : ' ';
  });
}

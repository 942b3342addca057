import type { MimeNode } from '@zone-eu/mailsplit';
import { htmlToText } from './html-text.ts';
import { decodeTransfer } from './transfer-encoding.ts';

/** A part that is text to be read, as it was sent. */
export interface TextPart {
  node: MimeNode;
  content: Buffer;
}

/**
 * The message's text and HTML from its text parts in their order. Parts of one multipart/alternative say the same, so each stands in for the other where
 * a message mixes both kinds; `html` is null where there is none at all.
 */
export function joinTexts(parts: readonly TextPart[]): { text: string; html: string | null } {
  const groups = new Map<MimeNode, { plain: string[]; html: string[] }>();
  for (const { node, content } of parts) {
    const key = alternativeOf(node);
    const group = groups.get(key) ?? { plain: [], html: [] };
    groups.set(key, group);
    if (node.contentType === 'text/html') group.html.push(readText(node, content));
    else group.plain.push(readText(node, content));
  }
  const all = [...groups.values()];
  return {
    text: all.flatMap(({ plain, html }) => (plain.length > 0 ? plain : html.map(htmlToText))).join('\n'),
    html: all.some(({ html }) => html.length > 0)
      ? all.flatMap(({ plain, html }) => (html.length > 0 ? html : plain.map(textToHtml))).join('\n')
      : null,
  };
}

function alternativeOf(node: MimeNode): MimeNode {
  for (let above = node.parentNode; above; above = above.parentNode)
    if (above.multipart === 'alternative') return above;
  return node;
}

function readText(node: MimeNode, content: Buffer): string {
  // A multipart without a boundary is read as it stands.
  if (node.multipart !== false) return decodeCharset(content, '');
  const text = decodeCharset(decodeTransfer(content, node.encoding), node.charset || '');
  return node.flowed ? unflow(text, node.delSp) : text;
}

/** An unknown, missing or understated charset is UTF-8 if the bytes are, else Windows-1252. */
function decodeCharset(bytes: Buffer, charset: string): string {
  const label = charset.trim().toLowerCase();
  const declared = /^(?:us-)?ascii$/.test(label) ? undefined : decoderOf(label);
  if (declared) return declared.decode(bytes);
  try {
    return utf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const windows1252 = new TextDecoder('windows-1252');
const decoders = new Map<string, TextDecoder>();

/** Undefined for a charset that the runtime doesn't know. */
function decoderOf(label: string): TextDecoder | undefined {
  const known = decoders.get(label);
  if (known || label === '') return known;
  try {
    const decoder = new TextDecoder(label);
    decoders.set(label, decoder);
    return decoder;
  } catch {
    return undefined;
  }
}

/** Joins the lines of flowed text that were wrapped on the way (RFC 3676, 4). */
function unflow(text: string, delSp: boolean): string {
  const lines: string[] = [];
  let open: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    const quotes = /^>*/.exec(line)![0];
    const content = line.slice(quotes.length).replace(/^ /, '');
    const flows = content.endsWith(' ') && content !== '-- ';
    const shown = flows && delSp ? content.slice(0, -1) : content;
    if (open === quotes && content !== '-- ') lines[lines.length - 1] += shown;
    else lines.push(quotes === '' ? shown : `${quotes} ${shown}`);
    open = flows ? quotes : null;
  }
  return lines.join('\n');
}

function textToHtml(text: string): string {
  const escaped = text.trim().replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<div>${escaped.replace(/\r?\n/g, '<br />\n')}</div>`;
}

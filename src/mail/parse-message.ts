import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type MimeNode, Splitter } from '@zone-eu/mailsplit';
import PostalMime from 'postal-mime';
import type { Head } from './head.ts';
import { htmlToText } from './html-text.ts';
import { listFields, parseHead } from './parse-head.ts';
import {
  type Attachment,
  contentId,
  contentType,
  decodedSize,
  filename,
  isBodyText,
  isInline,
  partNumber,
  splitting,
} from './parts.ts';
import { snippetOf } from './snippet.ts';

/** What is kept of a message beside its raw form. Text is well-formed and without NUL. */
export interface ParsedMessage {
  head: Head;
  /** Every field of the header, decoded, in its order. */
  headers: [string, string][];
  text: string;
  html: string | null;
  /** About the first 200 characters of the text, without quotes. */
  snippet: string;
  attachments: Attachment[];
  /** What is wrong with the message, or was left out of it, in sentences. */
  defects: string[];
}

export interface Parser {
  /** Reads the raw message to its end. Rejects when the message can't be parsed: that concerns this message alone. */
  parse(raw: Readable): Promise<ParsedMessage>;
  close(): Promise<void>;
}

const longestHead = 8 * 1024 * 1024;
const longestText = 2 * 1024 * 1024;
/** Of all text parts together, as they are sent. */
const longestBody = 16 * 1024 * 1024;
const deepest = 100;

interface Part {
  node: MimeNode;
  depth: number;
  children: Part[];
  /** Encoded content, of text parts only. */
  text: Buffer[];
  textLength: number;
  size: ReturnType<typeof decodedSize>;
}

/**
 * Parses a raw message while it streams by: what isn't text is only measured and text is bounded, so memory is too. Never throws for what a message
 * contains (that goes to `defects`), only when the stream fails.
 */
export async function parseMessage(raw: Readable): Promise<ParsedMessage> {
  const defects = new Set<string>();
  const header = new HeadTaker();
  const parts = await splitParts(raw, header, defects);
  if (header.cut) defects.add('The header is longer than 8 MiB; the rest of it was left out.');
  const { text, html } = await readTexts(parts[0], defects);
  const shown = text || (html === null ? '' : htmlToText(html));
  return {
    head: parseHead(header.bytes()),
    headers: listFields(header.bytes(), defects),
    text: shown,
    html,
    snippet: snippetOf(shown),
    attachments: parts.filter(({ node }) => node.multipart === false && !isBodyText(node)).map(attachmentOf),
    defects: [...defects],
  };
}

/** All parts in their order, the message itself first. What fails ends the list and is a defect. */
async function splitParts(raw: Readable, header: HeadTaker, defects: Set<string>): Promise<Part[]> {
  const parts: Part[] = [];
  const known = new Map<MimeNode, Part>();
  let total = 0;
  const splitter = new Splitter(splitting);
  let failure: unknown = null;
  raw.on('error', (error) => {
    failure = error;
    splitter.destroy(error);
  });
  raw.on('data', (chunk: Buffer) => header.add(chunk));
  raw.pipe(splitter);
  try {
    for await (const chunk of splitter) {
      if (chunk.type === 'node') {
        const parent = chunk.parentNode ? known.get(chunk.parentNode) : undefined;
        const part = newPart(chunk, parent);
        known.set(chunk, part);
        parts.push(part);
        parent?.children.push(part);
        if (part.depth > deepest) throw new Error('too deep');
        continue;
      }
      const part = known.get(chunk.node);
      if (!part || (chunk.type === 'data' && !isBrokenMultipart(chunk.node))) continue;
      part.size.add(chunk.value);
      if (!isBodyText(chunk.node) && !isBrokenMultipart(chunk.node)) continue;
      if (part.textLength + chunk.value.length > longestText * 1.5 || total + chunk.value.length > longestBody) {
        defects.add('Text of more than 2 MiB was cut.');
        continue;
      }
      // A copy: the chunk is a view that would keep all of its surroundings alive.
      part.text.push(Buffer.from(chunk.value));
      part.textLength += chunk.value.length;
      total += chunk.value.length;
    }
  } catch (error) {
    if (failure) throw failure;
    raw.unpipe(splitter);
    raw.resume();
    defects.add(splitFailure(error));
  }
  if (parts.some((part) => isBrokenMultipart(part.node)))
    defects.add('A multipart names no boundary; it was read as plain text.');
  if (parts.some((part) => part.node._boundary && part.node.multipart && part.children.length === 0))
    defects.add('A multipart has no parts.');
  return parts;
}

function newPart(node: MimeNode, parent: Part | undefined): Part {
  const depth = (parent?.depth ?? -1) + 1;
  return { node, depth, children: [], text: [], textLength: 0, size: decodedSize(node.encoding) };
}

function splitFailure(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  if (message === 'too deep') return `Parts are nested more than ${deepest} deep; those within were left out.`;
  if (code === 'EMAXLEN' && message?.includes('child'))
    return 'The message has more than 1,000 parts; the rest was left out.';
  if (code === 'EMAXLEN') return 'The header of a part is longer than 8 MiB; the rest of the message was left out.';
  return 'The structure of the message can not be read to its end.';
}

const isContainer = (node: MimeNode) => node.multipart !== false && node._boundary !== false;
const isBrokenMultipart = (node: MimeNode) => node.multipart !== false && node._boundary === false;

function attachmentOf(part: Part): Attachment {
  const { node } = part;
  return {
    part: partNumber(node),
    filename: filename(node),
    contentType: contentType(node),
    size: part.size.size(),
    contentId: contentId(node),
    inline: isInline(node),
  };
}

/** The message's text by postal-mime, from a message that holds the text parts alone. */
async function readTexts(root: Part | undefined, defects: Set<string>): Promise<{ text: string; html: string | null }> {
  const skeleton: Buffer[] = [];
  // A boundary that no sender can know.
  if (root) writePart(root, `part-${randomUUID()}`, skeleton);
  try {
    const email = await PostalMime.parse(Buffer.concat(skeleton), { maxNestingDepth: deepest + 10 });
    return { text: clean(email.text ?? '', defects).trim(), html: email.html ? clean(email.html, defects) : null };
  } catch {
    defects.add('The text can not be read.');
    return { text: '', html: null };
  }
}

function writePart(part: Part, prefix: string, out: Buffer[]): void {
  const { node } = part;
  const boundary = `${prefix}-${part.depth}-${partNumber(node)}`;
  if (isContainer(node)) {
    out.push(
      Buffer.from(
        `Content-Type: multipart/${String(node.multipart).replace(/[^\w-]/g, '')}; boundary="${boundary}"\r\n\r\n`,
      ),
    );
    for (const child of part.children) {
      if (!isContainer(child.node) && child.textLength === 0) continue;
      out.push(Buffer.from(`--${boundary}\r\n`));
      writePart(child, prefix, out);
    }
    out.push(Buffer.from(`--${boundary}--\r\n`));
    return;
  }
  const fields = isBrokenMultipart(node) ? [] : ['Content-Type', 'Content-Transfer-Encoding'];
  for (const name of fields) {
    const value = node.headers ? node.headers.getFirst(name).replace(/[\r\n]+/g, ' ') : '';
    if (value) out.push(Buffer.from(`${name}: ${value}\r\n`, 'latin1'));
  }
  out.push(Buffer.from('\r\n'), ...part.text, Buffer.from('\r\n'));
}

function clean(text: string, defects: Set<string>): string {
  if (text.length > longestText) defects.add('Text of more than 2 MiB was cut.');
  return text.slice(0, longestText).replaceAll('\0', '').replace(/\r\n?/g, '\n').toWellFormed();
}

/** Keeps what stands before the first empty line. */
class HeadTaker {
  cut = false;
  private done = false;
  private chunks: Buffer[] = [];
  private length = 0;

  add(chunk: Buffer): void {
    if (this.done) return;
    const before = Buffer.concat([this.chunks.at(-1)?.subarray(-3) ?? Buffer.alloc(0), chunk]);
    this.chunks.push(Buffer.from(chunk));
    this.length += chunk.length;
    this.cut = this.length > longestHead;
    this.done = this.cut || before.includes('\n\n') || before.includes('\n\r\n');
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }
}

import type { Readable } from 'node:stream';
import type { MimeNode } from '@zone-eu/mailsplit';
import { readDeliveryStatus, readFreeForm } from './delivery-report.ts';
import type { Delivery } from './delivery-report.ts';
import type { Head } from './head.ts';
import { htmlToText } from './html-text.ts';
import type { MailKind } from './kinds.ts';
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
} from './parts.ts';
import { firstFields, recognise } from './recognise.ts';
import type { Fields } from './recognise.ts';
import type { Keys, Signature } from './signatures.ts';
import { snippetOf } from './snippet.ts';
import { splitStream, splitWhole } from './split.ts';
import { joinTexts } from './texts.ts';
import { decodeTransfer } from './transfer-encoding.ts';

/** What is kept of a message beside its raw form. Text is well-formed and without NUL. */
export interface ParsedMessage {
  head: Head;
  /** Every field of the header, decoded, in its order. */
  headers: [string, string][];
  kind: MailKind;
  /** Of a bounce, as far as it can be told. */
  delivery: Delivery | null;
  text: string;
  html: string | null;
  /** About the first 200 characters of the text, without quotes. */
  snippet: string;
  attachments: Attachment[];
  /** What is wrong with the message, or was left out of it, in sentences. */
  defects: string[];
}

export interface Parser {
  /**
   * Reads the raw message to its end; a small one is best given whole. Owners wait in turn: one with many messages doesn't hold up another's. Rejects when the message
   * can't be parsed: that concerns this message alone.
   */
  parse(raw: Readable | Buffer, owner: string): Promise<ParsedMessage>;
  /** Verifies the raw message's signatures whose keys are given (signatures.ts), under the same rules. */
  verify(raw: Readable | Buffer, owner: string, keys: Keys): Promise<Signature[]>;
  close(): Promise<void>;
}

const longestHead = 8 * 1024 * 1024;
const longestText = 2 * 1024 * 1024;
/** Of all text parts together, as they are sent. */
const longestBody = 16 * 1024 * 1024;
/** Of a delivery report, and of the text that a kind is recognised by. */
const longestReport = 64 * 1024;
const deepest = 100;

interface Part {
  node: MimeNode;
  depth: number;
  children: Part[];
  /** Encoded content, of text parts only. */
  text: Buffer[];
  textLength: number;
  /** Of a delivery report the beginning, as it is sent. */
  report: Buffer;
  size: ReturnType<typeof decodedSize>;
}

/**
 * Parses a raw message while it streams by: what isn't text is only measured and text is bounded, so memory is too. Never throws for what a message
 * contains (that goes to `defects`), only when the stream fails.
 */
export async function parseMessage(raw: Readable | Buffer): Promise<ParsedMessage> {
  const defects = new Set<string>();
  const header = new HeadTaker();
  const parts = await splitParts(raw, header, defects);
  if (header.cut) defects.add('The header is longer than 8 MiB; the rest of it was left out.');
  const { text, html } = readTexts(parts, defects);
  const shown = text || (html === null ? '' : htmlToText(html));
  const head = parseHead(header.bytes());
  const headers = listFields(header.bytes(), defects);
  const fields = firstFields(headers);
  const kind = recognise({
    fields,
    from: head.from[0]?.address ?? '',
    partTypes: parts.map(({ node }) => (node.headers && node.headers.getFirst('Content-Type')) || ''),
    text: shown.slice(0, longestReport),
  });
  return {
    head,
    headers,
    kind,
    delivery: kind === 'bounce' ? deliveryOf(parts, fields, shown.slice(0, longestReport)) : null,
    text: shown,
    html,
    snippet: snippetOf(shown),
    attachments: parts.filter(({ node }) => node.multipart === false && !isBodyText(node)).map(attachmentOf),
    defects: [...defects],
  };
}

/** All parts in their order, the message itself first. What fails ends the list and is a defect. */
async function splitParts(raw: Readable | Buffer, header: HeadTaker, defects: Set<string>): Promise<Part[]> {
  const parts: Part[] = [];
  const known = new Map<MimeNode, Part>();
  let total = 0;
  let failure: unknown = null;
  if (Buffer.isBuffer(raw)) header.add(raw);
  else raw.on('error', (error) => (failure = error)).on('data', (chunk: Buffer) => header.add(chunk));
  const chunks = Buffer.isBuffer(raw) ? splitWhole(raw) : splitStream(raw);
  try {
    for await (const chunk of chunks) {
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
      if (!isBodyText(chunk.node) && !isBrokenMultipart(chunk.node)) {
        part.size.add(chunk.value);
        if (isDeliveryStatus(chunk.node) && part.report.length < longestReport)
          part.report = Buffer.concat([part.report, chunk.value.subarray(0, longestReport)]);
        continue;
      }
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
    if ('stop' in chunks) chunks.stop();
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
  return {
    node,
    depth,
    children: [],
    text: [],
    textLength: 0,
    report: Buffer.alloc(0),
    size: decodedSize(node.encoding),
  };
}

function splitFailure(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  if (message === 'too deep') return `Parts are nested more than ${deepest} deep; those within were left out.`;
  if (code === 'EMAXLEN' && message?.includes('child'))
    return 'The message has more than 1,000 parts; the rest was left out.';
  if (code === 'EMAXLEN') return 'The header of a part is longer than 8 MiB; the rest of the message was left out.';
  return 'The structure of the message can not be read to its end.';
}

const isDeliveryStatus = (node: MimeNode) => /^message\/(global-)?delivery-status$/.test(node.contentType || '');

function deliveryOf(parts: readonly Part[], fields: Fields, text: string): Delivery | null {
  for (const { node, report } of parts) {
    const said = readDeliveryStatus(decodeTransfer(report, node.encoding).toString('utf8').replaceAll('\0', ''));
    if (said) return said;
  }
  return readFreeForm(fields.get('x-failed-recipients'), text);
}

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

function readTexts(parts: readonly Part[], defects: Set<string>): { text: string; html: string | null } {
  const { text, html } = joinTexts(
    parts
      .filter((part) => part.textLength > 0)
      .map(({ node, text: content }) => ({
        node,
        content: content.length === 1 ? content[0]! : Buffer.concat(content),
      })),
  );
  return { text: clean(text, defects).trim(), html: html === null ? null : clean(html, defects) };
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
    const tail = this.chunks.at(-1)?.subarray(-3);
    const end = endOfHead(tail === undefined ? chunk : Buffer.concat([tail, chunk]));
    const kept = end === null ? chunk : chunk.subarray(0, Math.max(0, end - (tail?.length ?? 0)));
    this.chunks.push(Buffer.from(kept));
    this.length += kept.length;
    this.cut = this.length > longestHead;
    this.done = this.cut || end !== null;
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }
}

function endOfHead(bytes: Buffer): number | null {
  const end = bytes.indexOf('\n\r\n');
  // Looked for before the other only: most messages hold none.
  const bare = (end < 0 ? bytes : bytes.subarray(0, end + 1)).indexOf('\n\n');
  if (end < 0 && bare < 0) return null;
  return (bare < 0 ? end : bare) + 1;
}

import type { MimeNode } from '@zone-eu/mailsplit';
import { decodeText } from './decode-text.ts';

/** A part that is not text to be shown: its content stays in the raw message, under the part's IMAP number. */
export interface Attachment {
  /** IMAP's number of the part, e.g. "1.2" (RFC 9051, 6.4.5.1). */
  part: string;
  filename: string;
  contentType: string;
  /** Bytes when decoded. */
  size: number;
  contentId: string | null;
  /** Shown within the text, e.g. an image that the HTML names by its Content-ID. */
  inline: boolean;
}

/** The splitter's settings: an attached message is one part, whatever is in it. */
export const splitting = { ignoreEmbedded: true, maxHeadSize: 8 * 1024 * 1024, maxChildNodes: 1000 };

/** "1.2"; the only part of a message without multipart is "1". */
export function partNumber(node: MimeNode): string {
  const numbers = (node.partNr || []).filter((item) => item !== 'TEXT');
  return numbers.length === 0 ? '1' : numbers.join('.');
}

/** Text that is read with the message, not kept as a file. */
export function isBodyText(node: MimeNode): boolean {
  if (node.disposition === 'attachment' || node.filename) return false;
  return node.contentType === 'text/plain' || node.contentType === 'text/html' || node.contentType === false;
}

export function contentType(node: MimeNode): string {
  const type = node.contentType || 'application/octet-stream';
  return /^[\w!#$&^.+-]{1,80}\/[\w!#$&^.+-]{1,80}$/.test(type) ? type : 'application/octet-stream';
}

export function filename(node: MimeNode): string {
  const given = node.filename ? decodeText(node.filename) : '';
  // Only a name: neither a path of the sender's machine nor one on ours.
  const bare = given
    .split(/[/\\]/)
    .pop()!
    .replace(/[<>:"|?*]/g, '_')
    // Marks that turn the direction of writing make "exe.jpg" of "gpj.exe".
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/^\.+/, '')
    .trim()
    .slice(0, 200);
  return (
    bare || `${node.contentType === 'message/rfc822' ? 'message' : 'attachment'}-${partNumber(node)}${extension(node)}`
  );
}

export function contentId(node: MimeNode): string | null {
  const value = (node.headers && node.headers.getFirst('Content-ID')) || '';
  return decodeText(value).replace(/^<|>$/g, '').slice(0, 1000) || null;
}

export function isInline(node: MimeNode): boolean {
  if (node.disposition === 'attachment' || !contentId(node)) return false;
  return node.disposition === 'inline' || (node.parentNode && node.parentNode.multipart === 'related') || false;
}

function extension(node: MimeNode): string {
  return extensions[node.contentType || ''] ?? '';
}

const extensions: Record<string, string> = {
  'message/rfc822': '.eml',
  'text/calendar': '.ics',
  'text/plain': '.txt',
  'text/html': '.html',
  'text/csv': '.csv',
  'application/pdf': '.pdf',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/gif': '.gif',
};

/** Counts the bytes of a body when decoded, without decoding it. */
export function decodedSize(encoding: string | false): { add(chunk: Buffer): void; size(): number } {
  let size = 0;
  if (encoding === 'base64') {
    return {
      add(chunk) {
        // Everything but the alphabet is ignored, padding stands for nothing (RFC 2045, 6.8). By index: an iterator takes eight times as long.
        let counted = 0;
        for (let at = 0; at < chunk.length; at += 1) counted += base64Byte[chunk[at]!]!;
        size += counted;
      },
      size: () => Math.floor((size * 3) / 4),
    };
  }
  if (encoding === 'quoted-printable') {
    let equals = 0;
    let lines = 0;
    return {
      add(chunk) {
        size += chunk.length;
        for (let at = 0; at < chunk.length; at += 1) {
          if (chunk[at] !== 0x3d) continue;
          if (chunk[at + 1] === 0x0d) lines += 1;
          else equals += 1;
        }
      },
      size: () => Math.max(0, size - 2 * equals - 3 * lines),
    };
  }
  return { add: (chunk) => void (size += chunk.length), size: () => size };
}

const base64Byte = new Uint8Array(256);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
  base64Byte[char.charCodeAt(0)] = 1;

/**
 * Decodes a body (RFC 2045, 6). What is malformed stands for itself in quoted-printable and is passed over in base64; an unknown encoding changes
 * nothing.
 */
export function decodeTransfer(content: Buffer, encoding: string | false): Buffer {
  if (encoding === 'base64') return decodeBase64(content.toString('latin1'));
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(content);
  return content;
}

/** Some mailers pad every line: each padding ends a unit. */
function decodeBase64(text: string): Buffer {
  const padding = text.indexOf('=');
  if (padding < 0 || /^[=\s]*$/.test(text.slice(padding))) return Buffer.from(text, 'base64');
  return Buffer.concat(text.split(/=+/).map((unit) => Buffer.from(unit, 'base64')));
}

function decodeQuotedPrintable(content: Buffer): Buffer {
  const decoded = Buffer.allocUnsafe(content.length);
  let length = 0;
  for (let at = 0; at < content.length; at += 1) {
    const byte = content[at]!;
    if (byte !== equals) {
      decoded[length++] = byte;
      continue;
    }
    const [high, low] = [hexValue[content[at + 1] ?? 0]!, hexValue[content[at + 2] ?? 0]!];
    if (high < 16 && low < 16) {
      decoded[length++] = high * 16 + low;
      at += 2;
      continue;
    }
    const next = afterSoftBreak(content, at + 1);
    if (next === null) decoded[length++] = byte;
    else at = next - 1;
  }
  return decoded.subarray(0, length);
}

/** Behind "=", perhaps white space, and a line end; null where something else follows. */
function afterSoftBreak(content: Buffer, from: number): number | null {
  let at = from;
  while (content[at] === 0x20 || content[at] === 0x09) at += 1;
  if (content[at] === 0x0d) at += 1;
  if (content[at] === 0x0a) return at + 1;
  return at >= content.length ? at : null;
}

const equals = 0x3d;
const hexValue = new Uint8Array(256).fill(255);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  hexValue[digit.charCodeAt(0)] = value;
  hexValue[digit.toUpperCase().charCodeAt(0)] = value;
}

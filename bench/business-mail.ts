import { type Random } from '../test/fixtures/random.ts';
import { prose, richText } from '../test/fixtures/mail.ts';

/**
 * A message as an office gets it, with the head that servers on its way have written (CRLF): a quarter plain text, the rest with HTML of 3 to
 * 50 KB, 6 % with an attachment of 90 to 210 KB; 39 KB on average.
 */
export function businessMail(source: Random, { from, to, id }: { from: string; to: string; id: string }): string {
  const domain = from.slice(from.indexOf('@') + 1);
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const hops = Array.from(
    { length: source.between(2, 4) },
    (_, hop) =>
      `Received: from mx${hop}.${domain} (mx${hop}.${domain} [192.0.2.${source.between(1, 254)}])\r\n\tby in${hop}.letterlog.test (Postfix) with ESMTPS id ${signs(source, 12)}\r\n\tfor <${to}>; ${date}`,
  );
  return [
    `Return-Path: <${from}>`,
    `Delivered-To: ${to}`,
    ...hops,
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=s1;\r\n\th=from:to:subject:date:message-id; bh=${signs(source, 43)}=;\r\n\tb=${signs(source, 70)}\r\n\t ${signs(source, 70)}\r\n\t ${signs(source, 32)}`,
    `Authentication-Results: in0.letterlog.test; dkim=pass header.d=${domain}; spf=pass smtp.mailfrom=${from}`,
    `From: Somebody <${from}>`,
    `To: Bench <${to}>`,
    `Subject: =?UTF-8?B?${Buffer.from(prose(source, source.between(3, 6))).toString('base64')}?=`,
    `Message-ID: <${id}@bench.example>`,
    `Date: ${date}`,
    'MIME-Version: 1.0',
    ...content(source, id),
    '',
  ].join('\r\n');
}

function content(source: Random, id: string): string[] {
  const paragraphs = Array.from({ length: source.between(2, 10) }, () => prose(source, source.between(10, 60)));
  const text = leaf('text/plain; charset=utf-8', 'quoted-printable', paragraphs.join('\n\n'));
  const kind = source.next();
  const html = (): string[] =>
    leaf(
      'text/html; charset=utf-8',
      kind < 0.8 ? 'quoted-printable' : 'base64',
      richText(source, source.between(3_000, 50_000)),
    );
  const body = kind < 0.25 ? text : multipart('alternative', id, [text, html()]);
  if (source.next() >= 0.06) return body;
  const file = Buffer.from(Array.from({ length: source.between(90_000, 210_000) }, () => source.between(0, 255)));
  return multipart('mixed', `${id}.mixed`, [body, leaf('application/pdf; name="offer.pdf"', 'base64', file)]);
}

function leaf(type: string, encoding: 'quoted-printable' | 'base64', content: string | Buffer): string[] {
  const bytes = Buffer.from(content as string);
  const encoded =
    encoding === 'base64'
      ? (bytes.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n')
      : bytes.toString('latin1').split('\n').map(quotedPrintable).join('\r\n');
  return [`Content-Type: ${type}`, `Content-Transfer-Encoding: ${encoding}`, '', encoded];
}

/** One line (RFC 2045, 6.7). */
function quotedPrintable(line: string): string {
  const escaped = line.replace(
    /[=\x80-\xff]| $/g,
    (sign) => `=${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return escaped.replace(/(?!$)(?:=[0-9A-F]{2}|[^=]){70}(?=.{6})/g, '$&=\r\n');
}

function multipart(subtype: string, boundary: string, parts: string[][]): string[] {
  return [
    `Content-Type: multipart/${subtype}; boundary="=_${boundary}"`,
    '',
    ...parts.flatMap((part) => [`--=_${boundary}`, ...part]),
    `--=_${boundary}--`,
  ];
}

/** So many signs of base64. */
function signs(source: Random, count: number): string {
  return Array.from({ length: count }, () =>
    source.pick([...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789']),
  ).join('');
}

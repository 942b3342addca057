import { decodeWords } from 'postal-mime';

/** Nothing to decode, to replace or to trim. */
const plain = /^(?:[!-~]+(?: [!-~]+)*)?$/;
/** One encoded word in which nothing is odd. */
const usualWord = /^=\?utf-8\?b\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/i;

/** RFC 2047 and raw 8-bit text as one line; without NUL, which PostgreSQL refuses. */
export function decodeText(value: string): string {
  const encoded = value.includes('=?');
  if (!encoded && plain.test(value)) return value;
  return (encoded ? decoded(value) : value)
    .replace(/\0/g, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .toWellFormed();
}

function decoded(value: string): string {
  const word = usualWord.exec(value)?.[1];
  return word === undefined ? decodeWords(value) : Buffer.from(word, 'base64').toString();
}

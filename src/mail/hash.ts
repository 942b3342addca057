import { createHmac } from 'node:crypto';

/** HMAC-SHA-256 cut to 16 bytes: what the ledger keeps of strangers' mail. `key` is the account's. */
export function keyedHash(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest().subarray(0, 16);
}

/** The same in hex: what an import has thousands of, and the database gets as text. */
export function keyedHashHex(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex').slice(0, 32);
}

import { createHmac, hash } from 'node:crypto';

/** HMAC-SHA-256 cut to 16 bytes: what the ledger keeps of strangers' mail. `key` is the account's. */
export function keyedHash(key: Buffer, text: string): Buffer {
  return Buffer.from(keyedHashHex(key, text), 'hex');
}

/** The same in hex: thousands of strings are lighter than as many Buffers. */
export function keyedHashHex(key: Buffer, text: string): string {
  const longest = (inner.length - block) / 3;
  if (text.length > longest || key.length > block)
    return createHmac('sha256', key).update(text).digest('hex').slice(0, 32);
  // RFC 2104, 2. An import hashes several times a message, and createHmac() takes twice as long: it makes an object for each that has to be collected.
  pad(inner, key, 0x36);
  pad(outer, key, 0x5c);
  const end = block + inner.write(text, block);
  outer.write(hash('sha256', inner.subarray(0, end), 'latin1'), block, 'latin1');
  return hash('sha256', outer, 'hex').slice(0, 32);
}

const block = 64;
const inner = Buffer.alloc(4096);
const outer = Buffer.alloc(block + 32);

function pad(into: Buffer, key: Buffer, byte: number): void {
  into.fill(byte, 0, block);
  for (let at = 0; at < key.length; at += 1) into[at]! ^= key[at]!;
}

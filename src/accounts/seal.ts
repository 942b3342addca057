import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';

/** Authenticated encryption of secrets that are kept in the database. */
export interface Sealer {
  /** `boundTo` names the row, e.g. `connection:${accountId}:${id}`: a sealed value copied to another row can't be opened there. */
  seal(plain: string | Uint8Array, boundTo: string): Buffer;
  /** Throws AppError 'internal' when the key or the row is another one, or the value was changed. */
  open(sealed: Uint8Array, boundTo: string): Buffer;
}

const version = 1;
const nonceLength = 12;
const tagLength = 16;

/**
 * AES-256-GCM under a key derived from the installation's key (32 bytes). A sealed value is: version (1 byte), nonce (12), tag (16), ciphertext.
 * The nonce is random: safe for 2^32 values under one key (NIST SP 800-38D, 8.3).
 */
export function createSealer(key: Buffer): Sealer {
  if (key.length !== 32) throw new AppError('internal', 'The installation key must have 32 bytes.');
  const sealing = deriveKey(key, 'seal');
  return {
    seal(plain, boundTo) {
      const nonce = randomBytes(nonceLength);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce, { authTagLength: tagLength });
      cipher.setAAD(Buffer.from(boundTo));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), text]);
    },
    open(sealed, boundTo) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < 1 + nonceLength + tagLength || bytes[0] !== version) throw cannotOpen(boundTo);
      const nonce = bytes.subarray(1, 1 + nonceLength);
      const decipher = createDecipheriv('aes-256-gcm', sealing, nonce, { authTagLength: tagLength });
      decipher.setAAD(Buffer.from(boundTo));
      decipher.setAuthTag(bytes.subarray(1 + nonceLength, 1 + nonceLength + tagLength));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(1 + nonceLength + tagLength)), decipher.final()]);
      } catch {
        throw cannotOpen(boundTo);
      }
    },
  };
}

/** A key of 32 bytes for one purpose, by HKDF-SHA-256 from the installation's key: no two purposes share one. */
export function deriveKey(key: Buffer, purpose: 'seal' | 'session' | 'invitation'): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `letterlog ${purpose} v1`, 32));
}

function cannotOpen(boundTo: string): AppError {
  return new AppError(
    'internal',
    `The secret of ${boundTo} can't be opened: it was sealed with another installation key, or changed. ` +
      'Start with the key that this database was used with.',
  );
}

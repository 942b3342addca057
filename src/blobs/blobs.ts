import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';

/** Raw messages, by what they contain. A key is the SHA-256 of the bytes, in hex; an account sees only its own. */
export interface Blobs {
  /**
   * Stores the bytes and returns their key and their number once they would survive a power cut: call it before the commit
   * that names the key. Storing the same bytes again is harmless.
   */
  put(accountId: string, raw: Readable | Uint8Array): Promise<{ key: string; size: number }>;
  has(accountId: string, key: string): Promise<boolean>;
  /** Throws AppError not_found when there is no such blob. */
  open(accountId: string, key: string): Promise<Readable>;
  /** Removing what is not there is harmless. */
  remove(accountId: string, key: string): Promise<void>;
}

/** The key of these bytes. */
export const blobKey = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Keeps blobs as files below `dir`: `<account>/<first two digits>/<key>`. Only this user may read them. */
export function fileBlobs(dir: string): Blobs {
  const drafts = path.join(dir, 'drafts');
  // Folders that are there and durable; nobody removes them while the process runs.
  const made = new Set<string>();
  const makeOnce = async (folder: string) => {
    if (made.has(folder)) return;
    await makeFolder(folder);
    made.add(folder);
  };

  return {
    async put(accountId, raw) {
      await makeOnce(drafts);
      const draft = path.join(drafts, randomUUID());
      const file = await open(draft, 'wx', 0o600);
      let renamed = false;
      try {
        const written = await write(file, raw);
        const target = fileOf(dir, accountId, written.key);
        if (await exists(target)) {
          // Whoever wrote it may not have come as far as making it last.
          await syncFolder(path.dirname(target));
          return written;
        }
        await file.sync();
        await makeOnce(path.dirname(target));
        await rename(draft, target);
        renamed = true;
        await syncFolder(path.dirname(target));
        return written;
      } finally {
        await file.close();
        if (!renamed) await rm(draft, { force: true });
      }
    },

    has: (accountId, key) => exists(fileOf(dir, accountId, key)),

    async open(accountId, key) {
      try {
        const file = await open(fileOf(dir, accountId, key), 'r');
        return file.createReadStream();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        throw new AppError('not_found', 'The stored message is gone. Restore the data folder from a backup.', {
          cause: error,
        });
      }
    },

    async remove(accountId, key) {
      await rm(fileOf(dir, accountId, key), { force: true });
    },
  };
}

function fileOf(dir: string, accountId: string, key: string): string {
  // Both end up in a path.
  if (!/^[0-9a-f-]{36}$/i.test(accountId) || !/^[0-9a-f]{64}$/.test(key))
    throw new AppError('internal', 'A stored message has no such key.');
  return path.join(dir, accountId.toLowerCase(), key.slice(0, 2), key);
}

async function write(file: FileHandle, raw: Readable | Uint8Array): Promise<{ key: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of raw instanceof Uint8Array ? [raw] : raw) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
    hash.update(bytes);
    size += bytes.length;
    await file.writeFile(bytes);
  }
  return { key: hash.digest('hex'), size };
}

const exists = (file: string) =>
  access(file, constants.F_OK).then(
    () => true,
    () => false,
  );

/** Makes the folder and what leads to it, each durable in its parent. */
async function makeFolder(folder: string): Promise<void> {
  if (await exists(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) await makeFolder(parent);
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await syncFolder(parent);
}

/** A file's name is durable only when its folder is (fsync(2)). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import { createHash, randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';
import type { Blobs } from './blobs.ts';
import { createPack } from './create-pack.ts';
import { exists, isMissing, makeFolder, syncFolder } from './durable-file.ts';
import { DamagedPack, openPacked, packedIn, withoutSome, writePack } from './pack-file.ts';

/**
 * Keeps blobs as files below `dir`, which only this user may read: one by itself as `<account>/<first two digits>/<SHA-256>`, which is its key too, and what was written together
 * as `<account>/<first two digits>/<pack>.pack`, under the keys `<pack>/<SHA-256>` (docs/decisions/0025).
 */
export function fileBlobs(dir: string): Blobs {
  const drafts = path.join(dir, 'drafts');
  // Folders that are there and durable; nobody removes them while the process runs.
  const made = new Set<string>();
  const makeOnce = async (folder: string) => {
    if (made.has(folder)) return;
    await makeFolder(folder);
    made.add(folder);
  };

  /** Writes a file all at once, or not at all; the name follows from what was written. */
  const replace = async <T>(fill: (draft: FileHandle) => Promise<T>, fileOf: (filled: T) => string): Promise<T> => {
    await makeOnce(drafts);
    const draft = path.join(drafts, randomUUID());
    const handle = await open(draft, 'wx', 0o600);
    try {
      const filled = await fill(handle);
      const file = fileOf(filled);
      await handle.sync();
      await makeOnce(path.dirname(file));
      await rename(draft, file);
      await syncFolder(path.dirname(file));
      return filled;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  };

  const removeFrom = async (pack: string, hashes: readonly string[]) => {
    const rest = await withoutSome(pack, hashes);
    if (rest.size === 0) return await rm(pack, { force: true });
    const { atime, mtime } = await stat(pack);
    await replace(
      async (draft) => {
        await writePack(draft, rest);
        // As old as what is in it, for the sweep.
        await draft.utimes(atime, mtime);
      },
      () => pack,
    );
  };

  return {
    pack: (accountId) =>
      createPack((name, messages) =>
        replace(
          (draft) => writePack(draft, messages),
          () => packFile(dir, accountId, name),
        ),
      ),

    put: (accountId, raw) =>
      replace(
        (draft) => copy(raw, draft),
        ({ key }) => singleFile(dir, accountId, key),
      ),

    async has(accountId, keys) {
      const { single, packed } = byFile(keys);
      for (const key of single) if (!(await exists(singleFile(dir, accountId, key)))) return false;
      for (const [pack, hashes] of packed) {
        const there = await packedIn(packFile(dir, accountId, pack));
        if (!hashes.every((hash) => there.includes(hash))) return false;
      }
      return true;
    },

    async open(accountId, key) {
      const [hash, pack] = readKey(key);
      try {
        if (pack !== undefined) return await openPacked(packFile(dir, accountId, pack), hash);
        const handle = await open(singleFile(dir, accountId, hash), 'r');
        return handle.createReadStream();
      } catch (error) {
        if (!isMissing(error) && !(error instanceof DamagedPack)) throw error;
        const what = error instanceof DamagedPack ? 'damaged' : 'gone';
        throw new AppError('not_found', `The stored message is ${what}. Restore the data folder from a backup.`, {
          cause: error,
        });
      }
    },

    async remove(accountId, keys) {
      const { single, packed } = byFile(keys);
      const errors: unknown[] = [];
      // One that can't be removed doesn't keep the others.
      const attempt = (removal: Promise<unknown>) => removal.catch((error: unknown) => errors.push(error));
      for (const key of single) await attempt(rm(singleFile(dir, accountId, key), { force: true }));
      for (const [pack, hashes] of packed) await attempt(removeFrom(packFile(dir, accountId, pack), hashes));
      if (errors.length > 0) throw new AggregateError(errors, 'Some stored messages could not be removed.');
    },

    async *storedBefore(time) {
      for (const name of await filesBefore(drafts, time)) await rm(path.join(drafts, name), { force: true });
      for (const accountId of await readdir(dir).catch(() => [])) {
        if (!isId.test(accountId)) continue;
        for (const digits of await readdir(path.join(dir, accountId))) {
          const folder = path.join(dir, accountId, digits);
          const keys: string[] = [];
          for (const name of await filesBefore(folder, time)) keys.push(...(await keysIn(path.join(folder, name))));
          if (keys.length > 0) yield { accountId, keys };
        }
      }
    },
  };
}

const isId = /^[0-9a-f-]{36}$/;
const isHash = /^[0-9a-f]{64}$/;
const packSuffix = '.pack';

/** [hash] of one by itself, [hash, pack] of a packed one. */
function readKey(key: string): [hash: string, pack?: string] {
  const [hash = '', pack, ...rest] = key.split('/').reverse();
  // They end up in a path, like accounts.
  if (!isHash.test(hash) || (pack !== undefined && !isId.test(pack)) || rest.length > 0)
    throw new AppError('internal', 'A stored message has no such key.');
  return pack === undefined ? [hash] : [hash, pack];
}

/** Those by themselves, and the hashes of the others by their packs. */
function byFile(keys: readonly string[]): { single: string[]; packed: Map<string, string[]> } {
  const single: string[] = [];
  const packed = new Map<string, string[]>();
  for (const key of keys) {
    const [hash, pack] = readKey(key);
    if (pack === undefined) single.push(hash);
    else packed.set(pack, [...(packed.get(pack) ?? []), hash]);
  }
  return { single, packed };
}

const singleFile = (dir: string, accountId: string, key: string) =>
  path.join(dir, accountFolder(accountId), key.slice(0, 2), key);
const packFile = (dir: string, accountId: string, pack: string) =>
  path.join(dir, accountFolder(accountId), pack.slice(0, 2), `${pack}${packSuffix}`);

function accountFolder(accountId: string): string {
  if (!isId.test(accountId.toLowerCase())) throw new AppError('internal', 'There is no such account.');
  return accountId.toLowerCase();
}

/** The keys of what a file holds; none of one that isn't ours or can't be read: nobody can say what is in it. */
async function keysIn(file: string): Promise<string[]> {
  const { name, ext } = path.parse(file);
  if (ext === '' && isHash.test(name)) return [name];
  if (ext !== packSuffix || !isId.test(name)) return [];
  const hashes = await packedIn(file).catch(() => []);
  return hashes.map((hash) => `${name}/${hash}`);
}

/** The names of a folder's files that were written before then. */
async function filesBefore(folder: string, time: Date): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const { mtime } = await stat(path.join(folder, name)).catch(() => ({ mtime: time }));
    if (mtime < time) names.push(name);
  }
  return names;
}

async function copy(raw: Readable | Uint8Array, draft: FileHandle): Promise<{ key: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of raw instanceof Uint8Array ? [raw] : raw) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
    hash.update(bytes);
    size += bytes.length;
    await draft.writeFile(bytes);
  }
  return { key: hash.digest('hex'), size };
}

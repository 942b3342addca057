import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A Unix socket's path has at most 107 bytes on Linux and 103 on macOS; PostgreSQL adds ".s.PGSQL.5432.lock". */
const longestFolder = 84;

/**
 * The folder for the server's socket: the data folder itself, or where its path is too long for a socket, one below the
 * system's temporary folder named after it. Only the folder's owner may enter either, which is what guards the database.
 */
export function socketFolder(dir: string): string {
  if (Buffer.byteLength(dir) <= longestFolder) return dir;
  const folder = path.join(tmpdir(), `letterlog-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`);
  const { uid, gid } = lstatSync(dir);
  try {
    mkdirSync(folder, { mode: 0o700 });
    chmodSync(folder, 0o700);
    if (process.getuid?.() === 0) chownSync(folder, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const found = lstatSync(folder);
  // Anybody may have made it: a stranger's folder would hand them our connections.
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0)
    throw new Error(`${folder} is not a folder of the database's own. Remove it, or keep the data at a shorter path.`);
  return folder;
}

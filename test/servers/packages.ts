import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Unpacks a Debian package without installing it, for servers that can't be installed beside each other
 * (cyrus-imapd conflicts with dovecot-imapd). Returns the folder that stands for /.
 */
export async function unpackPackage(name: string): Promise<string> {
  // Not below a home folder: the server runs under a user of its own, who must be able to get there.
  const root = path.join(os.tmpdir(), 'letterlog-packages', name);
  if (existsSync(path.join(root, 'unpacked'))) return path.join(root, 'unpacked');
  await mkdir(root, { recursive: true });
  await run('apt-get', ['download', name], { cwd: root });
  const archive = (await readdir(root)).find((file) => file.endsWith('.deb'));
  if (!archive) throw new Error(`apt-get download ${name} left no package behind`);
  await run('dpkg', ['-x', path.join(root, archive), path.join(root, 'unpacking')]);
  await run('mv', [path.join(root, 'unpacking'), path.join(root, 'unpacked')]);
  return path.join(root, 'unpacked');
}

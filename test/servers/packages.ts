import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Unpacks a Debian package, and those of `with` that it depends on, without installing them, for servers that can't be installed beside each other
 * (cyrus-imapd and courier-imap conflict with dovecot-imapd). Returns the folder that stands for /.
 */
export async function unpackPackage(name: string, options: { with?: RegExp } = {}): Promise<string> {
  // Not below a home folder: the server runs under a user of its own, who must be able to get there.
  const folder = path.join(os.tmpdir(), 'letterlog-packages', name);
  const unpacked = path.join(folder, 'unpacked');
  if (existsSync(unpacked)) return unpacked;
  await mkdir(folder, { recursive: true });
  // Several tests may want it first.
  const own = await mkdtemp(path.join(folder, 'unpacking-'));
  try {
    await chmod(own, 0o755);
    await run('apt-get', ['download', name, ...(options.with ? await dependencies(name, options.with) : [])], {
      cwd: own,
    });
    const root = path.join(own, 'root');
    for (const file of (await readdir(own)).filter((one) => one.endsWith('.deb')))
      await run('dpkg', ['-x', path.join(own, file), root]);
    await rename(root, unpacked).catch((error: unknown) => {
      if (!existsSync(unpacked)) throw error;
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return unpacked;
}

/** Libraries have another version in their name with each release of Debian. */
async function dependencies(name: string, wanted: RegExp): Promise<string[]> {
  const { stdout } = await run('apt-cache', ['depends', '--important', name]);
  const names = [...stdout.matchAll(/^ [ |](?:Pre)?Depends: ([^<>\s]+)$/gm)].map(([, found]) => found!);
  return [...new Set(names)].filter((found) => wanted.test(found));
}

import { execFile } from 'node:child_process';
import { chownSync, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The folder of the database cluster: its format is that of one major version. */
export const clusterName = 'pg18';

/** Runs one of PostgreSQL's programs as the user whom the server belongs to; rejects with what it printed. */
export type RunAsServer = (program: string, args: string[]) => Promise<string>;

/**
 * PostgreSQL refuses to run as root. Started by root, it runs as the user `postgres` (else `nobody`) where that user
 * reaches the data folder and the programs, otherwise (below /root, say) as root's own number behind a user namespace
 * that shows it as that unprivileged user. Everybody else runs it as themselves.
 * `dir` exists when this is called, and what is in it belongs to the user afterwards.
 */
export async function serverUser(dir: string, program: string): Promise<RunAsServer> {
  if (process.getuid?.() !== 0) return runner([], {});
  const user = unprivilegedUser();
  const direct = runner([], user);
  if (await reaches(direct, dir, program)) {
    own(dir, user.uid, user.gid);
    return direct;
  }
  const inNamespace = runner(['unshare', '--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--'], {});
  if (await reaches(inNamespace, dir, program)) {
    own(dir, 0, 0);
    return inNamespace;
  }
  throw new Error(
    `PostgreSQL doesn't run as root, and the user "${user.name}" can't reach ${dir} or ${program}. Start Letterlog as an ordinary user, keep its data where every user may enter (LETTERLOG_DATA_DIR), or set DATABASE_URL to a PostgreSQL server.`,
  );
}

/** Whether that user may enter the folder's parent (the folder itself is handed over) and run the program. */
const reaches = (run: RunAsServer, dir: string, program: string) =>
  run('/bin/sh', ['-c', 'cd "$0" && "$1" --version', path.dirname(dir), program]).then(
    () => true,
    () => false,
  );

function runner(prefix: string[], ids: { uid?: number; gid?: number }): RunAsServer {
  return async (program, args) => {
    const [file, ...rest] = [...prefix, program, ...args] as [string, ...string[]];
    try {
      // PostgreSQL gets no more of our environment than it needs: the installation's key may be in it.
      const env = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], LC_ALL: 'C', LANG: 'C', TZ: 'UTC' };
      const { stdout } = await execute(file, rest, {
        ...('uid' in ids ? { uid: ids.uid, gid: ids.gid } : {}),
        cwd: '/',
        env,
      });
      return stdout;
    } catch (cause) {
      const { stdout = '', stderr = '', message } = cause as Error & { stdout?: string; stderr?: string };
      throw new Error(`${path.basename(program)}: ${(stderr + stdout).trim() || message}`, { cause });
    }
  };
}

function unprivilegedUser(): { name: string; uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    'PostgreSQL doesn\'t run as root, and this machine has neither a user "postgres" nor "nobody". Start Letterlog as an ordinary user, or set DATABASE_URL.',
  );
}

/** Gives the folder and all in it to a user where it belongs to another one; a running server's stays as it is. */
function own(folder: string, uid: number, gid: number): void {
  if (lstatSync(folder).uid === uid || existsSync(path.join(folder, clusterName, 'postmaster.pid'))) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    try {
      if (!entry.isSymbolicLink()) chownSync(path.join(entry.parentPath, entry.name), uid, gid);
    } catch (error) {
      // Another process that waits for the lock makes and removes files of its own here.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  // Last, so that an interrupted run is noticed by the next one.
  chownSync(folder, uid, gid);
}

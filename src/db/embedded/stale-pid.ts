import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';

/**
 * Removes the pid file of a server that is gone although a process has its number: another program (in a restarted
 * container), or what is left of itself. PostgreSQL can't tell these from a running server. True when it did.
 * Only on Linux, where every process of a server can be found by its working directory, and only when there is none.
 */
export function removeStalePid(data: string): boolean {
  const file = path.join(data, 'postmaster.pid');
  try {
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    if (processes.some((name) => workingFolder(name) === data)) return false;
    rmSync(file);
    return true;
  } catch {
    return false;
  }
}

function workingFolder(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

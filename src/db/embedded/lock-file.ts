import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStatus } from './process.ts';

/**
 * Runs `work` while holding a lock between processes: a file made with O_EXCL that names its owner. The lock of a process
 * that is gone is taken over. Throws after `timeoutMs`, naming the owner.
 */
export async function withLockFile<T>(file: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const mine = JSON.stringify({ pid: process.pid, started: processStatus(process.pid)?.started, token: randomUUID() });
  const deadline = Date.now() + timeoutMs;
  while (!take(file, mine)) {
    const holder = read(file);
    if (holder !== null && isGone(holder)) breakLock(file, holder);
    else if (Date.now() > deadline)
      throw new Error(
        `Another process has held ${file} for too long (${holder ?? 'unknown'}). Stop it and start again.`,
      );
    else await sleep(50);
  }
  try {
    return await work();
  } finally {
    if (read(file) === mine) unlinkSync(file);
  }
}

function take(file: string, content: string): boolean {
  // Linked into place complete, so that nobody ever reads a half-written owner.
  const draft = `${file}.${process.pid}.${randomUUID()}`;
  writeFileSync(draft, content, { flag: 'wx', mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    unlinkSync(draft);
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function isGone(holder: string): boolean {
  try {
    const { pid, started } = JSON.parse(holder) as { pid: number; started?: string };
    process.kill(pid, 0);
    // The number may belong to another process by now: after a reboot, or as number 1 of a restarted container.
    const status = processStatus(pid);
    return status !== null && (status.zombie || status.started !== started);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM';
  }
}

/** Removes the lock that was seen; when somebody replaced it in between, theirs is put back. */
function breakLock(file: string, seen: string): void {
  const aside = `${file}.${process.pid}.${randomUUID()}`;
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') !== seen) linkSync(aside, file);
    unlinkSync(aside);
  } catch {
    // Somebody else was faster; the next round sees what is there.
  }
}

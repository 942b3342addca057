import { readFileSync } from 'node:fs';

export interface ProcessStatus {
  /** It ended, and only waits for its parent to take note: for as long as a container's first process lets it. */
  zombie: boolean;
  /** When it started, as Linux counts it: tells two processes of the same number apart. */
  started: string;
}

/** What Linux says about a process in /proc/<pid>/stat; null when there is none, or on another system. */
export function processStatus(pid: number): ProcessStatus | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { zombie: fields[0] === 'Z', started: fields[19] ?? '' };
  } catch {
    return null;
  }
}

import { readFileSync } from 'node:fs';

/** Resident memory of a process, its threads included, in bytes (Linux, proc(5)). */
export function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

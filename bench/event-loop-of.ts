import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Measures how late a process's main thread comes to what it has to do: start it with `env`. */
export async function watchEventLoop() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'event-loop-'));
  const file = path.join(folder, 'delay.json');
  return {
    env: {
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'event-loop.ts')}`,
      LETTERLOG_TEST_EVENT_LOOP: file,
    },
    /** Milliseconds, since the last call. */
    async read(pid: number): Promise<{ p99: number; longest: number }> {
      await rm(file, { force: true });
      process.kill(pid, 'SIGUSR2');
      for (;;) {
        const text = await readFile(file, 'utf8').catch(() => '');
        if (text.endsWith('}')) return JSON.parse(text);
        await sleep(5);
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

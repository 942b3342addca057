import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../test/fixtures/random.ts';
import { type App, startApp } from '../test/servers/app.ts';
import { freePorts } from '../test/servers/ports.ts';

export interface Processes extends AsyncDisposable {
  /** The first one's address, and the token of the set-up link that was printed last: it makes the others void. */
  url: string;
  setupToken: string;
  /** kill -9 of one process every 20 to 60 s, until the signal; `hit` hears what was killed. */
  killAll(seed: number, signal: AbortSignal, hit: (what: string) => Promise<void>): Promise<void>;
  /** Processes that ended although nobody ended them, with the last that they printed. */
  ended(): string[];
}

/** One process of the product for each entry of `roles`, on one data folder. */
export async function startProcesses(
  dataDir: string,
  roles: string[],
  env: Record<string, string>,
): Promise<Processes> {
  const ports = await freePorts(roles.length);
  const start = (index: number): Promise<App> =>
    startApp({
      dataDir,
      port: ports[index]!,
      env: { LETTERLOG_ROLES: roles[index]!, LETTERLOG_SWEEP_SECONDS: '5', LETTERLOG_LOG_LEVEL: 'warn', ...env },
    });
  const apps: App[] = [];
  try {
    for (const index of roles.keys()) apps.push(await start(index));
  } catch (error) {
    await Promise.all(apps.map((app) => app.kill('SIGKILL')));
    throw error;
  }
  const ended: string[] = [];

  /** Where the database is just away a process doesn't start; a service manager would try again. */
  async function restart(index: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        apps[index] = await start(index);
        return;
      } catch (error) {
        if (tries === 5) throw error;
        await sleep(1_000);
      }
    }
  }

  return {
    url: apps[0]!.url,
    setupToken: apps.at(-1)!.setupToken!,
    ended: () => [...ended, ...apps.filter((app) => !isAlive(app.pid)).map((app) => app.output().slice(-2_000))],
    async killAll(seed, signal, hit) {
      const source = random(seed);
      for (;;) {
        const pause = source.between(20_000, 60_000);
        const index = source.between(0, apps.length - 1);
        await sleep(pause, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        const app = apps[index]!;
        if (!isAlive(app.pid)) ended.push(app.output().slice(-2_000));
        await hit(`process ${index + 1} (${roles[index]})`);
        await app.kill('SIGKILL');
        await restart(index);
      }
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all(apps.map((app) => app.kill('SIGTERM')))),
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

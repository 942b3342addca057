import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../test/fixtures/random.ts';
import { type App, startApp } from '../test/servers/app.ts';
import { freePorts } from '../test/servers/ports.ts';

export interface Processes extends AsyncDisposable {
  /** The first one's address, and the token of the set-up link that was printed last: it makes the others void. */
  url: string;
  setupToken: string;
  /**
   * kill -9 of one process every 20 to 60 s, until the signal, whether it is ready again or not; `hit` hears what was killed. Then waits until all are ready.
   */
  killAll(seed: number, signal: AbortSignal, hit: (what: string) => Promise<void>): Promise<void>;
  /** Processes that ended although nobody ended them, with the last that they printed. */
  ended(): string[];
}

interface Place {
  /** Null: it is starting. */
  app: App | null;
  starting: Promise<void>;
  killed: AbortController;
}

/** One process of the product for each entry of `roles`, on one data folder. `say` hears when one is up again. */
export async function startProcesses(
  dataDir: string,
  roles: string[],
  env: Record<string, string>,
  say: (line: string) => void,
): Promise<Processes> {
  const ports = await freePorts(roles.length);
  const places: Place[] = [];
  const ended: string[] = [];

  function start(index: number): Place {
    const killed = new AbortController();
    const place: Place = { app: null, killed, starting: Promise.resolve() };
    place.starting = (async () => {
      // Where the database is just away a process doesn't start; a service manager would try again.
      for (let tries = 1; ; tries += 1) {
        try {
          place.app = await startApp({
            dataDir,
            port: ports[index]!,
            env: { LETTERLOG_ROLES: roles[index]!, LETTERLOG_SWEEP_SECONDS: '5', LETTERLOG_LOG_LEVEL: 'warn', ...env },
            killed: killed.signal,
          });
          return;
        } catch (error) {
          if (killed.signal.aborted) return;
          if (tries === 5) throw error;
          await sleep(1_000);
        }
      }
    })();
    place.starting.catch((error: unknown) => ended.push(String(error)));
    return place;
  }

  const killAt = async ({ app, killed, starting }: Place) => {
    killed.abort();
    await starting.catch(() => {});
    await app?.kill('SIGKILL');
  };

  for (const index of roles.keys()) {
    places[index] = start(index);
    try {
      await places[index].starting;
    } catch (error) {
      await Promise.all(places.map(killAt));
      throw error;
    }
  }

  return {
    url: places[0]!.app!.url,
    setupToken: places.at(-1)!.app!.setupToken!,
    ended: () => [
      ...ended,
      ...places.flatMap(({ app }) => (app && !isAlive(app.pid) ? [app.output().slice(-2_000)] : [])),
    ],
    async killAll(seed, signal, hit) {
      const source = random(seed);
      // By the clock, so that the seed gives the same schedule however long a start takes.
      let next = performance.now();
      for (;;) {
        next += source.between(20_000, 60_000);
        const index = source.between(0, roles.length - 1);
        await sleep(Math.max(0, next - performance.now()), undefined, { signal }).catch(() => {});
        if (signal.aborted) break;
        const place = places[index]!;
        const { app } = place;
        if (app && !isAlive(app.pid)) ended.push(app.output().slice(-2_000));
        await hit(`process ${index + 1} (${roles[index]})${app ? '' : ' while it started'}`);
        await killAt(place);
        const began = performance.now();
        const again = start(index);
        places[index] = again;
        const ready = () => {
          if (again.app)
            say(`process ${index + 1} is ready ${((performance.now() - began) / 1000).toFixed(1)} s after its start`);
        };
        again.starting.then(ready, () => {});
      }
      await Promise.all(places.map(({ starting }) => starting.catch(() => {})));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        places.map(async ({ app, starting }) => {
          await starting.catch(() => {});
          await app?.kill('SIGTERM');
        }),
      );
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

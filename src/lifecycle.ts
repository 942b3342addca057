/** What a part does at the end. Parts stop in the reverse of the order in which they started. */
export type OnStop = (name: string, stop: () => unknown) => void;

export interface LifecycleOptions {
  start(onStop: OnStop): Promise<void>;
  /** Says what went wrong, to the person who started the process. */
  report(error: unknown, during: string): void;
  /** How long stopping may take in all before the process ends anyway. */
  stopLimitMs?: number;
}

/**
 * Starts the parts and keeps the process until SIGTERM, SIGINT or the end of the process that started it; then stops them. A second
 * signal, two seconds or more after the first, ends the process at once. A failure to start, and an error that nobody caught, stop it too,
 * with exit code 1.
 */
export function runUntilStopped({ start, report, stopLimitMs = 25_000 }: LifecycleOptions): void {
  const stops: { name: string; stop: () => unknown }[] = [];
  let stoppingSince: number | null = null;

  const started = start((name, stop) => stops.push({ name, stop })).catch((error: unknown) => {
    report(error, 'start');
    void end(1);
  });

  async function end(code: number): Promise<void> {
    if (stoppingSince !== null) {
      // npm, a terminal and a supervisor may each send the first one.
      if (Date.now() - stoppingSince >= 2_000) process.exit(code || 130);
      return;
    }
    stoppingSince = Date.now();
    setTimeout(() => {
      report(new Error(`It did not stop within ${stopLimitMs / 1000} s.`), 'stop');
      process.exit(1);
    }, stopLimitMs).unref();
    // What is half started registers its stop when it is done.
    if (code === 0) await started;
    for (const { name, stop } of stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        report(error, `stop of ${name}`);
      }
    }
    process.exit(code);
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void end(0));
  // scripts/start.mjs holds the other end: when it was killed, nobody is left to stop us.
  process.on('disconnect', () => void end(0));
  process.channel?.unref();
  process.on('uncaughtException', (error) => {
    report(error, 'run');
    void end(1);
  });
  // A promise that nobody waits for fails only itself: what matters is in transactions, and they were rolled back.
  process.on('unhandledRejection', (error) => report(error, 'run'));
}

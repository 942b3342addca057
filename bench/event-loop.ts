import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Preloaded into a measured process (`--import`): at SIGUSR2 it writes how late its main thread was since the last time, in ms. */
const file = process.env.LETTERLOG_TEST_EVENT_LOOP;
if (file !== undefined && isMainThread) {
  const resolution = 2;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  process.on('SIGUSR2', () => {
    const late = (value: number) => Math.max(0, value / 1e6 - resolution);
    writeFileSync(file, JSON.stringify({ p99: late(delay.percentile(99)), longest: late(delay.max) }));
    delay.reset();
  });
}

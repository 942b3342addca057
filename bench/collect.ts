import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects this process's garbage, so that what is measured is in use. */
export function collectGarbage(): void {
  for (let round = 0; round < 3; round += 1) collect();
}

// Preloaded into a measured process (`--import`) it is done at SIGUSR2.
if (isMainThread) process.on('SIGUSR2', collectGarbage);

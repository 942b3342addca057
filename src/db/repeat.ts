import { setTimeout as sleep } from 'node:timers/promises';

const mostTries = 6;

/** PostgreSQL's code of an error (its manual, appendix A), if it is one of PostgreSQL. */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** serialization_failure, deadlock_detected, lock_not_available, and what prepared.ts makes anew: a stale plan, a lost statement. */
const repeatable = new Set(['40001', '40P01', '55P03', '0A000', '26000']);

/** Does `work`, a transaction, again where PostgreSQL asks to repeat it (deadlock, serialization, stale plan): six times at most, with growing pauses. Throws what `work` throws. */
export async function repeating<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === mostTries || !repeatable.has(sqlState(error) ?? '')) throw error;
      await sleep(Math.random() * 20 * 2 ** tries);
    }
  }
}

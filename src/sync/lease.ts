import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Only one process of an installation syncs. The number has no meaning but this. */
const lockKey = '4700011';
const heartbeatMs = 5_000;
const retryMs = 1_000;

export interface Lease {
  /** Aborted when the lock is lost: stop at once, another process may have it. */
  lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * Waits until this process holds the installation's sync lock: a session lock of PostgreSQL on a connection of its own, so it is free as soon as its process or
 * machine is gone. Null when `stopped` came first. A database that is out of reach is tried again.
 */
export async function acquireLease(url: string, stopped: AbortSignal): Promise<Lease | null> {
  while (!stopped.aborted) {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'letterlog sync',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    const lost = new AbortController();
    client.on('error', () => lost.abort());
    client.on('end', () => lost.abort());
    try {
      await client.connect();
      while (!stopped.aborted && !lost.signal.aborted) {
        const { rows } = await client.query<{ held: boolean }>(`select pg_try_advisory_lock(${lockKey}) as held`);
        if (rows[0]?.held) return hold(client, lost);
        await pause(stopped);
      }
    } catch {
      await pause(stopped);
    }
    void client.end().catch(() => {});
  }
  return null;
}

function hold(client: pg.Client, lost: AbortController): Lease {
  const heartbeat = setInterval(() => {
    // A dead connection (half-open, no RST) shows only when it is used.
    const late = setTimeout(() => lost.abort(), heartbeatMs).unref();
    client
      .query('select 1')
      .then(() => clearTimeout(late))
      .catch(() => lost.abort());
  }, heartbeatMs).unref();
  lost.signal.addEventListener('abort', () => clearInterval(heartbeat));
  return {
    lost: lost.signal,
    async release() {
      clearInterval(heartbeat);
      await client.end().catch(() => {});
    },
  };
}

async function pause(stopped: AbortSignal): Promise<void> {
  await sleep(retryMs, undefined, { signal: stopped }).catch(() => {});
}

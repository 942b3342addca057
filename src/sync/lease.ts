import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sqlState } from '../db/repeat.ts';

/** The first half of the session locks that tell a process that lives from one that is gone; the second is its id. */
export const processLock = 4_700_011;
/** How long a process keeps its connections without a sign of life. */
export const leaseMs = 15_000;
const renewMs = 3_000;
const retryMs = 1_000;

/** A process's place among those that sync. */
export interface Membership {
  processId: number;
  /** Aborted when the place is lost: stop at once, others take the connections over. */
  lost: AbortSignal;
  /** Gives the place and all leases up. Stop what runs under them before. */
  leave(): Promise<void>;
}

/**
 * Makes this process one of those that sync, and keeps it so. One row is renewed for all of its leases; the row's time is the database's, and whether it ran out
 * unrenewed is known here by this machine's monotonic clock alone, should the database be out of reach. A session lock on the same connection shows others at
 * once when the process is gone. One that lost its place, `before`, gets it back with its leases where nobody took it meanwhile. Null when `stopped` came
 * first; a database that is out of reach is tried again.
 */
export async function joinProcesses(
  url: string,
  stopped: AbortSignal,
  before: number | null = null,
): Promise<Membership | null> {
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
      const asked = performance.now();
      return keep(client, (await comeBack(client, before)) ?? (await enter(client)), asked, lost);
    } catch {
      void client.end().catch(() => {});
      await sleep(retryMs, undefined, { signal: stopped }).catch(() => {});
    }
  }
  return null;
}

/** Null: the row is gone, or the session before counts as alive and goes on doing so (half-open). */
async function comeBack(client: pg.Client, before: number | null): Promise<number | null> {
  if (before === null) return null;
  try {
    await client.query(`set lock_timeout = '1s'`);
    await client.query('select pg_advisory_lock($1, $2)', [processLock, before]);
  } catch (error) {
    if (sqlState(error) !== '55P03') throw error;
    return null;
  } finally {
    await client.query('reset lock_timeout');
  }
  const { rowCount } = await client.query(
    `update sync_process set expires_at = clock_timestamp() + $2 * interval '1 ms' where id = $1`,
    [before, leaseMs],
  );
  return rowCount === 0 ? null : before;
}

/** The lock is there before anybody can see the row. */
async function enter(client: pg.Client): Promise<number> {
  await client.query('begin');
  const { rows } = await client.query<{ id: number }>(
    `insert into sync_process (expires_at) values (clock_timestamp() + $1 * interval '1 ms') returning id`,
    [leaseMs],
  );
  const { id } = rows[0]!;
  await client.query('select pg_advisory_lock($1, $2)', [processLock, id]);
  await client.query('commit');
  return id;
}

function keep(client: pg.Client, processId: number, asked: number, lost: AbortController): Membership {
  const expire = () => lost.abort();
  let expiry = setTimeout(expire, leaseMs - (performance.now() - asked));
  const renew = async () => {
    const sent = performance.now();
    const { rowCount } = await client.query(
      `update sync_process set expires_at = clock_timestamp() + $2 * interval '1 ms' where id = $1`,
      [processId, leaseMs],
    );
    if (rowCount === 0) return lost.abort();
    if (lost.signal.aborted) return;
    clearTimeout(expiry);
    // From the moment of asking: the database's time began no earlier.
    expiry = setTimeout(expire, leaseMs - (performance.now() - sent));
  };
  const renewing = setInterval(() => void renew().catch(expire), renewMs);
  const rest = () => {
    clearInterval(renewing);
    clearTimeout(expiry);
  };
  lost.signal.addEventListener('abort', rest);
  return {
    processId,
    lost: lost.signal,
    async leave() {
      rest();
      // Without a connection others see it by the session lock.
      if (!lost.signal.aborted)
        await client.query('delete from sync_process where id = $1', [processId]).catch(() => {});
      void client.end().catch(() => {});
    },
  };
}

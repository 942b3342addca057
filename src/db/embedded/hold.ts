import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Any fixed number: every process that uses the server holds it shared. */
const useLock = 4_700_000;

export interface Hold {
  /** Brings a server that died back no more; resolves when what is under way of that has ended. Before release(), and without the lock that `ensure` takes. */
  settle(): Promise<void>;
  /** Gives the server up; true when nobody else uses it, so that it may be stopped. */
  release(): Promise<boolean>;
}

/**
 * Marks the server as used by this process until `release`: by a shared advisory lock on a connection of its own, which
 * the kernel closes with the process however it ends. When the connection breaks, `ensure` is called to bring the
 * server back. It doesn't keep the process alive.
 */
export async function holdServer(url: string, ensure: () => Promise<unknown>): Promise<Hold> {
  let released = false;
  let restoring = Promise.resolve();
  let client = await connect();
  return {
    async settle() {
      released = true;
      await restoring;
    },
    async release() {
      socketOf(client).ref();
      try {
        await client.query('select pg_advisory_unlock_shared($1)', [useLock]);
        // The server needs a moment to notice that a process which was killed is gone.
        for (let attempt = 0; attempt < 5; attempt++) {
          if (attempt > 0) await sleep(50);
          const { rows } = await client.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [
            useLock,
          ]);
          if (rows[0]?.alone === true) return true;
        }
        return false;
      } catch {
        // The server is gone already.
        return false;
      } finally {
        await client.end().catch(() => {});
      }
    },
  };

  async function connect(): Promise<pg.Client> {
    const next = new pg.Client({ connectionString: url, application_name: 'letterlog hold' });
    next.on('error', () => {});
    await next.connect();
    await next.query('select pg_advisory_lock_shared($1)', [useLock]);
    socketOf(next).unref();
    next.once('end', () => {
      restoring = restore();
    });
    return next;
  }

  async function restore(): Promise<void> {
    while (!released) {
      try {
        await ensure();
        client = await connect();
        return;
      } catch {
        await sleep(1_000, undefined, { ref: false });
      }
    }
  }
}

const socketOf = (client: pg.Client) => (client as unknown as { connection: { stream: Socket } }).connection.stream;

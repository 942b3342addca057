import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { clusterName } from '../src/db/embedded/server-user.ts';
import { startEmbedded } from '../src/db/embedded.ts';

export interface Database extends AsyncDisposable {
  url: string;
  /** The rows of a query; asked again for up to a minute while the server is away. */
  rows<T extends object>(text: string, values?: unknown[]): Promise<T[]>;
  /** kill -9 of the server; it is started again, as a machine's service manager would, and recovers from its write-ahead log. */
  kill(): void;
}

/** The PostgreSQL in `folder` with the settings that people run (fsync is on), shared with an app that runs it. */
export async function openServer(folder: string): Promise<Database> {
  const server = await startEmbedded(folder);
  const pool = new pg.Pool({ connectionString: server.url, max: 2 });
  pool.on('error', () => {});
  return {
    url: server.url,
    rows: async <T extends object>(text: string, values?: unknown[]) => {
      for (const deadline = Date.now() + 60_000; ; await sleep(200)) {
        try {
          return (await pool.query<T>(text, values)).rows;
        } catch (error) {
          // A mistake in the query stays one.
          if ((error as { code?: string }).code?.startsWith('42') || Date.now() > deadline) throw error;
        }
      }
    },
    kill: () => {
      const pid = readFileSync(path.join(folder, clusterName, 'postmaster.pid'), 'utf8').split('\n')[0];
      process.kill(Number(pid), 'SIGKILL');
    },
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

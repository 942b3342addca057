import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries } from './embedded/binaries.ts';
import { holdServer } from './embedded/hold.ts';
import { withLockFile } from './embedded/lock-file.ts';
import { clusterName, serverUser } from './embedded/server-user.ts';
import type { RunAsServer } from './embedded/server-user.ts';
import { socketFolder } from './embedded/socket-folder.ts';
import { removeStalePid } from './embedded/stale-pid.ts';

export interface EmbeddedServer {
  url: string;
  /** Whether the server ran already: for another process, or left over by one that was killed. */
  reused: boolean;
  /** Stops the server, unless other processes still use it. */
  stop(): Promise<void>;
}

const defaults: Record<string, string> = {
  // Only a socket in a folder that nobody else may enter: no network, no password to keep.
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '200',
  shared_buffers: '128MB',
  random_page_cost: '1.1',
  jit: 'off',
  max_wal_size: '2GB',
  // A first import fills empty tables within seconds, and plans made for those are bad until somebody counts again.
  autovacuum_naptime: '10s',
  log_timezone: 'UTC',
  timezone: 'UTC',
  // Statements and values in the log would be people's mail.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

/**
 * Starts the PostgreSQL that comes with the product on its files in `dir` (made on first use), or joins the one that runs
 * there. Processes share it: the last to stop stops it, and one that is killed leaves it to the next. While it is held, a
 * server that dies is started again. `settings` are added to the server's own (names as in postgresql.conf).
 * Throws an Error with advice where it can't run.
 */
export async function startEmbedded(dir: string, settings: Record<string, string> = {}): Promise<EmbeddedServer> {
  const folder = path.resolve(dir);
  const binaries = await findBinaries();
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const lock = path.join(folder, 'start.lock');
  const { socket, run } = await withLockFile(lock, 60_000, async () => {
    chmodSync(folder, 0o700);
    const run = await serverUser(folder, binaries.initdb);
    return { socket: socketFolder(folder), run };
  });
  const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(socket)}`;
  const server: Cluster = {
    url,
    data: path.join(folder, clusterName),
    log: path.join(folder, 'postgres.log'),
    options: Object.entries({ ...defaults, unix_socket_directories: socket, ...settings }),
    initdb: (args) => run(binaries.initdb, args),
    control: (args) => run(binaries.pg_ctl, args),
  };
  const ensure = () => withLockFile(lock, 120_000, () => ensureRunning(server));
  const reused = await ensure();
  const hold = await holdServer(url, ensure);
  return {
    url,
    reused,
    async stop() {
      await hold.settle();
      await withLockFile(lock, 60_000, async () => {
        if (!(await hold.release())) return;
        await server.control(['-D', server.data, '-w', '-m', 'fast', 'stop']);
        if (socket !== folder) rmSync(socket, { recursive: true, force: true });
      });
    },
  };
}

interface Cluster {
  url: string;
  data: string;
  log: string;
  options: [string, string][];
  initdb(args: string[]): ReturnType<RunAsServer>;
  control(args: string[]): ReturnType<RunAsServer>;
}

/** Makes sure that a server answers on the socket; true when it did already. Call it with the lock held. */
async function ensureRunning(server: Cluster): Promise<boolean> {
  await initialise(server);
  const deadline = Date.now() + 60_000;
  let failure: unknown = new Error('it did not answer in time');
  for (let attempt = 0; Date.now() < deadline; attempt++) {
    if (await answers(server.url)) return attempt === 0;
    const runs = await server.control(['-D', server.data, 'status']).then(
      () => true,
      () => false,
    );
    // Alive but not answering: it is starting, recovering or stopping. Or its number is another program's now.
    if (!runs || removeStalePid(server.data)) {
      try {
        const options = server.options.map(([name, value]) => `-c ${name}=${shellQuote(value)}`).join(' ');
        await server.control(['-D', server.data, '-w', '-t', '60', '-l', server.log, '-o', options, 'start']);
        if (await answers(server.url)) return false;
      } catch (error) {
        // After a kill -9 the old server's children hold its shared memory for a second or two.
        failure = error;
        if (attempt > 30) break;
      }
    }
    await sleep(200);
  }
  throw new Error(
    `The embedded database in ${server.data} doesn't start: ${(failure as Error).message}. Its log is ${server.log}.`,
    { cause: failure },
  );
}

/** Makes the cluster in a draft folder and renames it, so that a first start that is killed leaves nothing half made. */
async function initialise(server: Cluster): Promise<void> {
  if (existsSync(server.data)) return;
  // The initdb of a start that was killed may still be at work in its own draft.
  const draft = `${server.data}.draft-${randomUUID()}`;
  await server.initdb([
    ...['-D', draft, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-instructions'],
    ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ]);
  renameSync(draft, server.data);
  const folder = path.dirname(server.data);
  for (const name of readdirSync(folder).filter((name) => name.startsWith(`${clusterName}.draft-`)))
    rmSync(path.join(folder, name), { recursive: true, force: true, maxRetries: 3 });
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** pg_ctl hands the options to a shell. */
const shellQuote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

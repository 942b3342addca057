import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Sealer } from '../accounts/seal.ts';
import { fireEmailReceived } from '../automations/fire.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { listen } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { Provider } from '../providers/provider.ts';
import { Bell } from './bell.ts';
import type { SyncDeps } from './deps.ts';
import { createLimit } from './deps.ts';
import { acquireLease } from './lease.ts';
import { purgeVanished } from './purge.ts';
import { syncConnection } from './sync-connection.ts';
import type { Loop } from './sync-connection.ts';

/** How often all connections are read again, should a notification have been missed. */
const rereadMs = 30_000;
const mostOpening = 16;
const mostStoring = 4;
const restMs = 1_000;
const purgeMs = 6 * 60 * 60 * 1000;

/**
 * Syncs every connection of the installation, one loop for each, while this process holds the installation's sync lock; further processes stand by and take
 * over. `stop` lets what is being committed end.
 */
export function startSync(deps: {
  db: Db;
  url: string;
  providers: Record<string, Provider>;
  sealer: Sealer;
  blobs: Blobs;
  parser: Parser;
  jobs: Jobs;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  sweepSeconds: number;
}): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const loopDeps: SyncDeps = {
    ...deps,
    fire: (trx, accountId, sightings) => fireEmailReceived(trx, deps.jobs, accountId, sightings),
    opening: createLimit(mostOpening),
    storing: createLimit(mostStoring),
  };
  const running = run(loopDeps, deps.url, stopped.signal);
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

async function run(deps: SyncDeps, url: string, stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    const lease = await acquireLease(url, stopped);
    if (!lease) return;
    deps.log.info('syncing mailboxes');
    try {
      await superviseWhile(deps, url, AbortSignal.any([stopped, lease.lost]));
    } catch (error) {
      deps.log.error({ err: error }, 'the supervisor of mailboxes broke; it starts again');
      await new Bell().wait(restMs);
    }
    await lease.release();
    if (lease.lost.aborted) deps.log.warn('lost the sync lock; standing by');
  }
}

/** Keeps a loop for every connection that is to be synced, until the signal. */
async function superviseWhile(deps: SyncDeps, url: string, end: AbortSignal): Promise<void> {
  const bell = new Bell();
  const loops = new Map<string, { loop: Loop; version: string }>();
  /** Connections that were named by a notification since the last reading. */
  const named = new Set<string>();
  end.addEventListener('abort', () => bell.ring());
  const listener = await listen(
    url,
    {
      letterlog_connection: ({ connectionId }) => {
        named.add(connectionId);
        bell.ring();
      },
    },
    () => bell.ring(),
  );
  const purge = () =>
    purgeVanished(deps.db).catch((error: unknown) =>
      deps.log.error({ err: error }, 'vanished rows could not be purged'),
    );
  const purging = setInterval(() => void purge(), purgeMs);
  void purge();
  try {
    while (!end.aborted) {
      const poked = new Set(named);
      named.clear();
      await reread(deps, loops, poked, bell).catch((error: unknown) => {
        for (const id of poked) named.add(id);
        deps.log.error({ err: error }, 'the connections could not be read');
      });
      await bell.wait(named.size > 0 ? restMs : rereadMs);
    }
  } finally {
    clearInterval(purging);
    await listener.close();
    await Promise.all([...loops.values()].map(({ loop }) => loop.stop()));
  }
}

/** Starts, pokes and stops loops so that they fit the connections as they are now. */
async function reread(
  deps: SyncDeps,
  loops: Map<string, { loop: Loop; version: string }>,
  poked: ReadonlySet<string>,
  bell: Bell,
): Promise<void> {
  // A loop that runs under other settings or credentials must open the mailbox anew.
  const { rows } = await sql<{ accountId: string; id: string; version: string }>`
    select account_id as "accountId", id, md5(provider || settings::text || encode(credentials, 'hex')) as version
    from connection where state in ('active', 'failing') and credentials is not null`.execute(deps.db);
  const wanted = new Map(rows.map((row) => [row.id, row]));
  const stopping = [...loops].filter(([id, { version }]) => wanted.get(id)?.version !== version);
  for (const [id] of stopping) loops.delete(id);
  await Promise.all(stopping.map(([, { loop }]) => loop.stop()));
  for (const { accountId, id, version } of rows) {
    const running = loops.get(id);
    if (running && poked.has(id)) running.loop.poke();
    if (running) continue;
    const loop = syncConnection(deps, accountId, id);
    loops.set(id, { loop, version });
    // One that ended by itself is looked at again: it may have been paused and let go on meanwhile.
    void loop.ended.then(() => {
      if (loops.get(id)?.loop !== loop) return;
      loops.delete(id);
      setTimeout(() => bell.ring(), restMs).unref();
    });
  }
}

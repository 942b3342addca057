import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import { accountKey } from '../accounts/account-key.ts';
import type { Sealer } from '../accounts/seal.ts';
import { fireEmailReceived } from '../automations/fire.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { listen } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { threadOldMail } from '../log/thread-old-mail.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { Provider } from '../providers/provider.ts';
import { createTurns } from '../turns.ts';
import { Bell } from './bell.ts';
import type { SyncDeps } from './deps.ts';
import { storingOn } from './hold.ts';
import { joinProcesses } from './lease.ts';
import { purgeVanished } from './purge.ts';
import { giveUp, isWanted, lockLease, removeGoneProcesses, takeShare } from './share.ts';
import { syncConnection } from './sync-connection.ts';
import type { Loop } from './sync-connection.ts';

/** How often the connections are shared out anew among the processes. */
const balanceMs = 2_000;
/** How often all connections are read again, should a notification have been missed. */
const rereadMs = 30_000;
const mostOpening = 24;
const mostOpeningAtOne = 12;
const restMs = 1_000;
const purgeMs = 6 * 60 * 60 * 1000;

/**
 * Syncs this process's share of the installation's connections, one loop for each. `stop` lets what is being committed end and hands over to the others.
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
  /** The most that `db` opens. */
  databaseConnections: number;
}): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const shared: Omit<SyncDeps, 'leased'> = {
    ...deps,
    fire: (trx, accountId, sightings) => fireEmailReceived(trx, deps.jobs, accountId, sightings),
    opening: createTurns(mostOpening, mostOpeningAtOne),
    storing: storingOn(deps.databaseConnections),
  };
  const running = run(shared, deps.url, stopped.signal);
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

async function run(deps: Omit<SyncDeps, 'leased'>, url: string, stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    const membership = await joinProcesses(url, stopped);
    if (!membership) return;
    const { processId, lost } = membership;
    deps.log.info({ processId }, 'syncing mailboxes');
    const leased: SyncDeps['leased'] = (trx, accountId, id) => lockLease(trx, processId, accountId, id);
    try {
      await superviseWhile({ ...deps, leased }, url, processId, AbortSignal.any([stopped, lost]));
    } catch (error) {
      deps.log.error({ err: error }, 'the supervisor of mailboxes broke; it starts again');
      await new Bell().wait(restMs);
    }
    if (lost.aborted) deps.log.warn({ processId }, 'lost the leases of all mailboxes; taking part anew');
    await membership.leave();
  }
}

type Loops = Map<string, { loop: Loop; version: string }>;

/** Keeps a loop for every connection that is leased to the process, until the signal. */
async function superviseWhile(deps: SyncDeps, url: string, processId: number, end: AbortSignal): Promise<void> {
  const bell = new Bell();
  const loops: Loops = new Map();
  /** Connections that were named by a notification since the last reading. */
  const named = new Set<string>();
  let readAgainAt = 0;
  const readAgain = () => {
    readAgainAt = 0;
    bell.ring();
  };
  // At once, whatever the database keeps us waiting for: others take the mailboxes over.
  end.addEventListener('abort', () => {
    for (const { loop } of loops.values()) void loop.stop();
    bell.ring();
  });
  const listener = await listen(
    url,
    {
      letterlog_connection: ({ connectionId }) => {
        named.add(connectionId);
        readAgain();
      },
    },
    readAgain,
  );
  const purge = () =>
    purgeVanished(deps.db).catch((error: unknown) =>
      deps.log.error({ err: error }, 'vanished rows could not be purged'),
    );
  const purging = setInterval(() => void purge(), purgeMs);
  void purge();
  const threading = threadAllOldMail(deps, end);
  try {
    while (!end.aborted) {
      const poked = new Set(named);
      named.clear();
      try {
        await removeGoneProcesses(deps.db, processId);
        const { taken, surplus } = await takeShare(deps.db, processId);
        if (surplus > 0) await giveUpSome(deps, processId, loops, surplus);
        if (taken > 0 || poked.size > 0 || performance.now() >= readAgainAt) {
          readAgainAt = performance.now() + rereadMs;
          await reread(deps, processId, loops, poked, readAgain);
        }
      } catch (error) {
        for (const id of poked) named.add(id);
        readAgainAt = 0;
        deps.log.error({ err: error }, 'the connections could not be read');
      }
      await bell.wait(balanceMs);
    }
  } finally {
    clearInterval(purging);
    await Promise.all([...loops.values()].map(({ loop }) => loop.stop()));
    await listener.close();
    await threading;
  }
}

/** Beside all else, a batch at a time, with a rest as long as each took: pages come first. */
async function threadAllOldMail({ db, sealer, log }: SyncDeps, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    const began = performance.now();
    let pause = 0;
    try {
      if (!(await threadOldMail(db, (trx, accountId) => accountKey(trx, sealer, accountId)))) return;
    } catch (error) {
      log.error({ err: error }, 'older mail could not be put into its conversations; it is tried again');
      pause = 60_000;
    }
    await sleep(pause + performance.now() - began, undefined, { signal: end }).catch(() => {});
  }
}

async function giveUpSome(deps: SyncDeps, processId: number, loops: Loops, surplus: number): Promise<void> {
  const given = [...loops].slice(-surplus);
  for (const [id] of given) loops.delete(id);
  await Promise.all(given.map(([, { loop }]) => loop.stop()));
  await giveUp(
    deps.db,
    processId,
    given.map(([id]) => id),
  );
}

/** Starts, pokes and stops loops so that they fit the connections as they are now. */
async function reread(
  deps: SyncDeps,
  processId: number,
  loops: Loops,
  poked: ReadonlySet<string>,
  readAgain: () => void,
): Promise<void> {
  // A loop that runs under other settings or credentials must open the mailbox anew.
  const { rows } = await sql<{ accountId: string; id: string; version: string }>`
    select c.account_id as "accountId", c.id, md5(c.provider || c.settings::text || encode(c.credentials, 'hex')) as version
    from lease l join connection c on c.account_id = l.account_id and c.id = l.connection_id
    where l.process_id = ${processId} and ${isWanted}`.execute(deps.db);
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
      setTimeout(readAgain, restMs).unref();
    });
  }
}

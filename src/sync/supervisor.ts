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
import { contactDeps, eraseDeps } from '../log/for-contacts.ts';
import { sweepBlobs } from '../log/sweep-blobs.ts';
import { threadOldMail } from '../log/thread-old-mail.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { SenderChecks } from '../mail/sender-checks.ts';
import type { Provider } from '../providers/provider.ts';
import { createTurns } from '../turns.ts';
import { Bell } from './bell.ts';
import type { SyncDeps } from './deps.ts';
import { finishErasures } from './finish-erasures.ts';
import { storingOn } from './hold.ts';
import { joinProcesses, leaseMs } from './lease.ts';
import { purgeChecks, purgeVanished } from './purge.ts';
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
const sweepMs = 12 * 60 * 60 * 1000;
const finishMs = 10 * 60 * 1000;

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
  senderChecks: SenderChecks | null;
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
  let before: number | null = null;
  while (!stopped.aborted) {
    const membership = await joinProcesses(url, stopped, before);
    if (!membership) return;
    const { processId, lost } = membership;
    // Whatever took the place away may have taken the others' too: the first one back must not take all.
    const patientUntil = before === null ? 0 : performance.now() + leaseMs;
    deps.log.info({ processId }, 'syncing mailboxes');
    const leased: SyncDeps['leased'] = (trx, accountId, id) => lockLease(trx, processId, accountId, id);
    try {
      const supervisor = new Supervisor({ ...deps, leased }, url, processId, patientUntil);
      await supervisor.superviseWhile(AbortSignal.any([stopped, lost]));
    } catch (error) {
      deps.log.error({ err: error }, 'the supervisor of mailboxes broke; it starts again');
      await new Bell().wait(restMs);
    }
    before = lost.aborted ? processId : null;
    if (lost.aborted) deps.log.warn({ processId }, 'lost the leases of all mailboxes; taking part anew');
    await membership.leave();
  }
}

interface Running {
  loop: Loop;
  /** Of the settings and credentials that it runs under. */
  version: string;
  /** Why it was told to stop. The connection has no other loop until it has ended. */
  stopping: 'outdated' | 'given up' | null;
}

/** Keeps a loop for every connection that is leased to this process. */
class Supervisor {
  private readonly deps: SyncDeps;
  private readonly url: string;
  private readonly processId: number;
  private readonly patientUntil: number;
  private readonly bell = new Bell();
  private readonly loops = new Map<string, Running>();
  /** Connections that were named by a notification since the last reading. */
  private named = new Set<string>();
  private readAgainAt = 0;

  constructor(deps: SyncDeps, url: string, processId: number, patientUntil: number) {
    this.deps = deps;
    this.url = url;
    this.processId = processId;
    this.patientUntil = patientUntil;
  }

  /** Until the signal, and then until all loops have ended. */
  async superviseWhile(end: AbortSignal): Promise<void> {
    // At once, whatever the database keeps us waiting for: others take the mailboxes over.
    end.addEventListener('abort', () => {
      for (const { loop } of this.loops.values()) void loop.stop();
      this.bell.ring();
    });
    const listener = await listen(
      this.url,
      {
        letterlog_connection: ({ connectionId, only }) => {
          // A loop that isn't there yet looks at everything as it begins.
          if (only) return this.loops.get(connectionId)?.loop.poke(only);
          this.named.add(connectionId);
          this.readAgain();
        },
      },
      () => this.readAgain(),
    );
    const { db, blobs, log } = this.deps;
    const purge = () =>
      purgeVanished(db)
        .then(() => purgeChecks(db))
        .catch((error: unknown) => log.error({ err: error }, 'old rows could not be purged'));
    const sweep = () =>
      sweepBlobs(db, blobs, end).catch((error: unknown) =>
        log.error({ err: error }, 'raw messages that nothing names could not be removed'),
      );
    const purging = setInterval(() => void purge(), purgeMs);
    void purge();
    // It looks at every old file: not while mailboxes are being taken over, and not before people see what they have started.
    const sweeping = setInterval(() => void sweep(), sweepMs);
    const threading = threadAllOldMail(this.deps, end);
    const finishing = finishAllErasures(this.deps, end);
    try {
      while (!end.aborted) {
        await this.round();
        await this.bell.wait(balanceMs);
      }
    } finally {
      clearInterval(purging);
      clearInterval(sweeping);
      await Promise.all([...this.loops.values()].map(({ loop }) => loop.stop()));
      await listener.close();
      await Promise.all([threading, finishing]);
    }
  }

  private async round(): Promise<void> {
    const { deps, processId } = this;
    const poked = this.named;
    this.named = new Set();
    try {
      await removeGoneProcesses(deps.db, processId, performance.now() < this.patientUntil);
      const { taken, surplus } = await takeShare(deps.db, processId);
      this.giveUpSome(surplus);
      if (taken > 0 || poked.size > 0 || performance.now() >= this.readAgainAt) {
        this.readAgainAt = performance.now() + rereadMs;
        await this.reread(poked);
      }
    } catch (error) {
      for (const id of poked) this.named.add(id);
      this.readAgainAt = 0;
      deps.log.error({ err: error }, 'the connections could not be read');
    }
  }

  private readAgain(): void {
    this.readAgainAt = 0;
    this.bell.ring();
  }

  /** Which loops are on their way out counts as given up. */
  private giveUpSome(surplus: number): void {
    const all = [...this.loops];
    const leaving = all.filter(([, { stopping }]) => stopping === 'given up').length;
    const staying = all.filter(([, { stopping }]) => stopping === null);
    for (const [, running] of staying.slice(staying.length - Math.max(0, surplus - leaving)))
      this.stop(running, 'given up');
  }

  /** Starts, pokes and stops loops so that they fit the connections as they are now. */
  private async reread(poked: ReadonlySet<string>): Promise<void> {
    const { deps, loops, processId } = this;
    // A loop that runs under other settings or credentials must open the mailbox anew.
    const { rows } = await sql<{ accountId: string; id: string; version: string }>`
      select c.account_id as "accountId", c.id, md5(c.provider || c.settings::text || encode(c.credentials, 'hex')) as version
      from lease l join connection c on c.account_id = l.account_id and c.id = l.connection_id
      where l.process_id = ${processId} and ${isWanted}`.execute(deps.db);
    const wanted = new Map(rows.map((row) => [row.id, row]));
    for (const [id, running] of loops)
      if (running.stopping === null && wanted.get(id)?.version !== running.version) this.stop(running, 'outdated');
    for (const { accountId, id, version } of rows) {
      const running = loops.get(id);
      if (!running) this.start(accountId, id, version);
      else if (poked.has(id)) running.loop.poke('all');
    }
  }

  private start(accountId: string, id: string, version: string): void {
    const running: Running = { loop: syncConnection(this.deps, accountId, id), version, stopping: null };
    this.loops.set(id, running);
    void running.loop.ended.then(async () => {
      if (running.stopping === 'given up')
        await giveUp(this.deps.db, this.processId, id).catch((error: unknown) =>
          this.deps.log.error({ err: error, connectionId: id }, 'a mailbox could not be handed over'),
        );
      this.loops.delete(id);
      // One that ended by itself is looked at again: it may have been paused and let go on meanwhile.
      setTimeout(() => this.readAgain(), running.stopping === 'outdated' ? 0 : restMs).unref();
    });
  }

  /** Not waited for: one that takes long must not hold up the others. */
  private stop(running: Running, stopping: 'outdated' | 'given up'): void {
    running.stopping = stopping;
    void running.loop.stop();
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

/** One after the other, however long one takes. Stopped between two steps. */
async function finishAllErasures(deps: SyncDeps, end: AbortSignal): Promise<void> {
  const { db, log } = deps;
  const parts = { contacts: contactDeps(deps), connections: eraseDeps(deps), log };
  while (!end.aborted) {
    await finishErasures(db, parts, end).catch((error: unknown) => {
      if (!end.aborted) log.error({ err: error }, 'what is to be erased could not be read');
    });
    await sleep(finishMs, undefined, { signal: end }).catch(() => {});
  }
}

/**
 * Durable jobs: pg-boss in the same database. Without the settings made here pg-boss polls every 2 s instead of being told,
 * idles 30 s beside a full queue, and takes a minute to give a dead worker's jobs to another:
 *
 * - useListenNotify here and `notify` on each queue: a worker hears of a job when its transaction commits.
 * - One work() call for each worker, each taking one job at a time and waking itself after it: with larger batches the slowest
 *   job holds up its neighbours' results, with localConcurrency only the first worker is woken.
 * - notifyPollingIntervalSeconds: nothing is notified when a delayed or retried job falls due.
 * - superviseIntervalSeconds, monitorIntervalSeconds and a heartbeat on each queue: a killed worker's job is taken over after
 *   about 12 s.
 *
 * Delivery is at least once: a handler does its work in one transaction keyed by what it does, so that a second delivery finds it done.
 */
import { createHash } from 'node:crypto';
import { PgBoss, fromKysely } from 'pg-boss';
import type { Logger } from 'pino';
import type { Trx } from '../db/open.ts';
import { queues } from './queues.ts';
import type { JobData, QueueName } from './queues.ts';

export interface JobOptions {
  /** Not before this instant (taken up within about a second after it). Default: at once. */
  startAfter?: Date;
  /** A second job of the same key is ignored while the first is kept (an hour after its end). */
  key?: string;
}

export interface Jobs {
  /** Adds a job inside the caller's transaction: no commit, no job. */
  enqueue<Q extends QueueName>(trx: Trx, queue: Q, data: JobData[Q], options?: JobOptions): Promise<void>;
  /** The same for any number of jobs, in one statement. */
  enqueueAll<Q extends QueueName>(
    trx: Trx,
    queue: Q,
    jobs: readonly (JobOptions & { data: JobData[Q] })[],
  ): Promise<void>;
  /**
   * Works on a queue with `concurrency` workers. A handler that throws has its job retried with growing delays, and after the last
   * try moved to the queue's dead letter queue. Call after start().
   */
  work<Q extends QueueName>(queue: Q, concurrency: number, handler: (data: JobData[Q]) => Promise<void>): Promise<void>;
  /** Installs or upgrades the queues' tables (schema `jobs`), and connects. */
  start(): Promise<void>;
  /** Takes no more jobs and lets running handlers end, for at most `timeoutSeconds` (default 10). */
  stop(timeoutSeconds?: number): Promise<void>;
}

/**
 * `role` 'enqueue' only adds jobs (processes that serve web or sync alone); 'work' also takes them and watches over everybody's.
 * `connections` bounds the pool that fetches and settles jobs (default 4; one more listens).
 */
export function createJobs(options: {
  url: string;
  role: 'enqueue' | 'work';
  log: Pick<Logger, 'error' | 'warn'>;
  connections?: number;
}): Jobs {
  const { role, log } = options;
  const boss = new PgBoss({
    connectionString: options.url,
    application_name: 'letterlog-jobs',
    schema: 'jobs',
    max: role === 'work' ? (options.connections ?? 4) : 1,
    useListenNotify: role === 'work',
    supervise: role === 'work',
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 5,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
  });
  // Without a listener an 'error' event ends the process. pg-boss goes on by itself after each of these.
  boss.on('error', (error) => log.error({ err: error }, 'job queue'));
  boss.on('warning', (warning) => log.warn({ warning }, 'job queue'));

  const enqueueAll: Jobs['enqueueAll'] = async (trx, queue, jobs) => {
    if (jobs.length === 0) return;
    const rows = jobs.map(({ data, startAfter, key }) => ({
      data,
      ...(startAfter && { startAfter }),
      ...(key !== undefined && { id: idOf(queue, key) }),
    }));
    await boss.insert(queue, rows, { db: fromKysely(trx) });
  };

  return {
    enqueueAll,
    enqueue: (trx, queue, data, jobOptions) => enqueueAll(trx, queue, [{ ...jobOptions, data }]),

    async work(queue, concurrency, handler) {
      for (let index = 0; index < concurrency; index += 1) {
        const worker = { id: '' };
        worker.id = await boss.work<JobData[typeof queue]>(
          queue,
          { batchSize: 1, pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1 },
          async ([job]) => {
            try {
              if (job) await handler(job.data);
            } catch (error) {
              log.error({ err: error, queue, job: job?.id }, 'job failed');
              // What pg-boss keeps of the failure; a database error's own fields may hold row values.
              throw new Error(error instanceof Error ? error.message : 'failed', { cause: undefined });
            } finally {
              boss.notifyWorker(worker.id);
            }
          },
        );
      }
    },

    async start() {
      await boss.start({ attempts: 5 });
      for (const [name, { deadLetter, ...settings }] of Object.entries(queues)) {
        const all = { ...settings, notify: true, ...(deadLetter && { deadLetter }) };
        await boss.createQueue(name, all);
        // An installation made by an earlier version gets today's settings.
        await boss.updateQueue(name, all);
      }
    },

    stop: (timeoutSeconds = 10) => boss.stop({ graceful: true, timeout: timeoutSeconds * 1000 }),
  };
}

/** A job's id made from its key: the table's primary key is what makes the second one nothing. */
function idOf(queue: string, key: string): string {
  const hex = createHash('sha256').update(`${queue}\0${key}`).digest('hex');
  // Version 8: "custom" (RFC 9562, section 5.8).
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

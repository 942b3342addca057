import type { QueueOptions } from 'pg-boss';

/** What a job of each queue carries. Ids only: the worker reads the rest, as it is by then. */
export interface JobData {
  /** Take a run further, from the step numbered `visit`. */
  'run-step': { accountId: string; runId: string; visit: number };
  /** A run-step job that failed for good: its run is told so. */
  'run-step-failed': { accountId: string; runId: string; visit: number };
}

export type QueueName = keyof JobData;

const hour = 3600;

/** Jobs that wait (a pause of a year in a map) are kept for this long after their time, until some worker comes. */
const retentionSeconds = 10 * 365 * 24 * hour;

/**
 * heartbeatSeconds: a worker says every 5 s that it is alive; 10 s of silence (the least that pg-boss allows) give its job to another.
 * expireInSeconds bounds a handler that hangs while its process lives.
 */
const common = {
  heartbeatSeconds: 10,
  expireInSeconds: 120,
  retentionSeconds,
  deleteAfterSeconds: hour,
  retryBackoff: true,
};

/** Settings of each queue. A dead letter queue stands before the queue that names it. */
export const queues: Record<QueueName, QueueOptions & { deadLetter?: QueueName }> = {
  'run-step-failed': { ...common, retryLimit: 1000, retryDelay: 1, retryDelayMax: 300 },
  // 1, 2, 4 ... 64 s: about two minutes in all (with pg-boss's jitter half to the whole of it).
  'run-step': { ...common, retryLimit: 7, retryDelay: 1, retryDelayMax: 60, deadLetter: 'run-step-failed' },
};

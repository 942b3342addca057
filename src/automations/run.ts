import type { Logger } from 'pino';
import { sql } from 'kysely';
import type { Db } from '../db/open.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { StepFailed } from './actions/action.ts';
import { FailedAt, failRun, takeStep } from './step.ts';
import type { RunStep } from './step.ts';

export interface RunDeps {
  db: Db;
  jobs: Jobs;
  log: Pick<Logger, 'error' | 'warn'>;
}

/** So many elements follow each other before the run's next one waits its turn in the queue. */
const stepsInARow = 20;

/**
 * Works off runs with `concurrency` workers, until the jobs stop. A sweep each `sweepSeconds` wakes runs that should have moved but have no
 * job any more (a job table lost or restored from an older backup); `stop` ends the sweep.
 */
export async function startRuns(
  deps: RunDeps,
  options: { concurrency?: number; sweepSeconds?: number } = {},
): Promise<{ stop(): void }> {
  const { concurrency = 4, sweepSeconds = 60 } = options;
  await deps.jobs.work('run-step', concurrency, (step) => continueRun(deps, step));
  await deps.jobs.work('run-step-failed', 1, (step) => giveUp(deps, step));
  const timer = setInterval(() => {
    wakeForgottenRuns(deps).catch((error: unknown) => deps.log.error({ err: error }, 'sweep of runs failed'));
  }, sweepSeconds * 1000);
  return { stop: () => clearInterval(timer) };
}

/**
 * Takes a run as far as it goes at once, one transaction for each element. Only the first has a job: when the process dies on the way, that
 * job is delivered again and goes on where the last commit was. Throws what may pass by itself, for the job to be tried again; where that
 * happens further on, the place gets a job of its own, so that a job's last try says of which visit it was.
 */
export async function continueRun({ db, jobs }: Pick<RunDeps, 'db' | 'jobs'>, asked: RunStep): Promise<void> {
  try {
    for (let count = 1; ; count += 1) {
      const enqueueNext = count >= stepsInARow;
      const more = await db.transaction().execute((trx) => takeStep(trx, jobs, asked, enqueueNext));
      if (!more) return;
    }
  } catch (error) {
    if (!(error instanceof FailedAt)) throw error;
    const { visit, cause } = error;
    const failed = { ...asked, visit };
    if (cause instanceof StepFailed) await db.transaction().execute((trx) => failRun(trx, failed, cause.message));
    else if (visit === asked.visit) throw cause;
    else {
      const key = `failed ${asked.runId} ${visit}`;
      await db.transaction().execute((trx) => jobs.enqueue(trx, 'run-step', failed, { key }));
    }
  }
}

/** The job has had its last try: the run says so, without what the error said (it is in the log and not for everybody). */
async function giveUp({ db, log }: Pick<RunDeps, 'db' | 'log'>, asked: RunStep): Promise<void> {
  log.warn({ run: asked.runId, visit: asked.visit }, 'run given up');
  const reason = "Something went wrong here several times, so the way ended. The server's log tells more.";
  await db.transaction().execute((trx) => failRun(trx, asked, reason));
}

/**
 * Enqueues again the runs of published maps that have been due for ten minutes, which is longer than all tries of a job. A job too many does
 * no harm. Looks over all accounts; each row names its own.
 */
export async function wakeForgottenRuns({ db, jobs }: Pick<RunDeps, 'db' | 'jobs'>): Promise<number> {
  return await db.transaction().execute(async (trx) => {
    const { rows: locked } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(hashtext('letterlog run sweep')) as mine`.execute(trx);
    if (!locked[0]?.mine) return 0;
    const { rows } = await sql<{ accountId: string; runId: string; visit: number; hour: string }>`
      select r.account_id as "accountId", r.id as "runId", r.visit, to_char(now(), 'YYYYMMDDHH24') as hour
      from run r join map m on m.account_id = r.account_id and m.id = r.map_id and m.state = 'published'
      where r.state in ('running', 'waiting') and coalesce(r.due_at, r.since) < now() - interval '10 minutes'
      order by coalesce(r.due_at, r.since) limit 1000`.execute(trx);
    await jobs.enqueueAll(
      trx,
      'run-step',
      rows.map(({ hour, ...data }) => ({ data, key: `sweep ${data.runId} ${data.visit} ${hour}` })),
    );
    return rows.length;
  });
}

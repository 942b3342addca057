import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { runAction } from './actions/registry.ts';
import { StepFailed } from './actions/action.ts';
import type { Element, Graph } from './map.ts';
import { elementAfter, isTrigger } from './map.ts';
import { notifyRuns } from './notify-runs.ts';

/** A way that leads in circles is stopped after so many elements. */
export const maxVisits = 1000;

/** Names one step of a run: the element that the contact passes as number `visit`. */
export interface RunStep {
  accountId: string;
  runId: string;
  visit: number;
}

/**
 * Takes a run one element further, in the caller's transaction: the effect, the step's result and the contact's new place commit together.
 * Answers whether the next element may follow at once; `enqueueNext` makes that a job instead.
 *
 *     running ──action──▶ running at the next element ──last one──▶ ended
 *        │  └──wait──▶ waiting until due_at ──woken──▶ running
 *        └──can't be done──▶ failed
 *
 * Safe to call for any step at any time: a run that is over, paused or not yet due stays where it is. The run's row is locked, after its
 * contact's (as a contact's deletion does), so of two callers the second finds the work done. Throws FailedAt where the element can't be passed.
 */
export async function takeStep(trx: Trx, jobs: Jobs, asked: RunStep, enqueueNext: boolean): Promise<boolean> {
  const place = await lockRun(trx, asked.accountId, asked.runId);
  if (!place || place.mapState !== 'published') return false;
  try {
    return await passElement(trx, jobs, asked, place, enqueueNext);
  } catch (error) {
    throw new FailedAt(place.run.visit, error);
  }
}

/** Says at which visit a step failed: that of the job may be an earlier one. */
export class FailedAt extends Error {
  readonly visit: number;

  constructor(visit: number, cause: unknown) {
    super('A step of a run failed.', { cause });
    this.name = 'FailedAt';
    this.visit = visit;
  }
}

async function passElement(
  trx: Trx,
  jobs: Jobs,
  asked: RunStep,
  { run, graph, now }: Place,
  enqueueNext: boolean,
): Promise<boolean> {
  const { accountId, runId } = asked;
  const element = graph.elements.find(({ id }) => id === run.element_id);
  if (!element || isTrigger(element)) throw new StepFailed('The element where the contact stood is not in the map.');
  if (run.visit >= maxVisits) throw new StepFailed(`Stopped after ${maxVisits} steps: the way leads in circles.`);

  let did: Record<string, unknown> = {};
  if (run.state === 'waiting' && run.due_at) {
    if (now < run.due_at) {
      // Woken early. Jobs from before this wait are none of its business.
      if (asked.visit === run.visit) await jobs.enqueue(trx, 'run-step', asked, { startAfter: run.due_at });
      return false;
    }
    did = { waitedUntil: run.due_at };
  } else if (element.kind !== 'end') {
    const context = { accountId, runId, visit: run.visit, contactId: run.contact_id, now };
    const outcome = await runAction(trx, context, element);
    if (outcome.waitUntil) {
      await updateRun(trx, accountId, runId, { state: 'waiting', due_at: outcome.waitUntil });
      const next = { accountId, runId, visit: run.visit };
      await jobs.enqueue(trx, 'run-step', next, { startAfter: outcome.waitUntil });
      await notifyRuns(trx, accountId, [{ mapId: run.map_id, contactId: run.contact_id }]);
      return false;
    }
    did = outcome.did;
  }
  await trx
    .insertInto('step')
    .values({
      account_id: accountId,
      run_id: runId,
      visit: run.visit,
      element_id: element.id,
      result: JSON.stringify(did),
    })
    .execute();
  return await moveOn(trx, jobs, { accountId, ...run }, elementAfter(graph, element.id), now, enqueueNext);
}

type Place = NonNullable<Awaited<ReturnType<typeof lockRun>>>;

async function moveOn(
  trx: Trx,
  jobs: Jobs,
  run: Place['run'] & { accountId: string },
  next: Element | undefined,
  now: Date,
  enqueueNext: boolean,
): Promise<boolean> {
  const { accountId, id: runId } = run;
  const visit = run.visit + 1;
  await notifyRuns(trx, accountId, [{ mapId: run.map_id, contactId: run.contact_id }]);
  if (!next) {
    await updateRun(trx, accountId, runId, { state: 'ended', due_at: null, visit, ended_at: now });
    return false;
  }
  await updateRun(trx, accountId, runId, { state: 'running', due_at: null, visit, element_id: next.id, since: now });
  if (enqueueNext) await jobs.enqueue(trx, 'run-step', { accountId, runId, visit });
  return !enqueueNext;
}

/** Ends a run with the reason, which people read, unless it has moved on meanwhile: only at this very visit, and not in the middle of a wait. */
export async function failRun(trx: Trx, asked: RunStep, reason: string): Promise<void> {
  const place = await lockRun(trx, asked.accountId, asked.runId);
  if (!place) return;
  const { run, now } = place;
  if (run.visit !== asked.visit || (run.due_at && now < run.due_at)) return;
  await updateRun(trx, asked.accountId, asked.runId, { state: 'failed', due_at: null, error: reason, ended_at: now });
  await notifyRuns(trx, asked.accountId, [{ mapId: run.map_id, contactId: run.contact_id }]);
}

/** Locks a run that is not over, with what it needs; undefined when it is over or gone, or its contact is. */
async function lockRun(trx: Trx, accountId: string, runId: string) {
  const contact = await trx
    .selectFrom('contact as c')
    .innerJoin('run as r', (join) => join.onRef('r.account_id', '=', 'c.account_id').onRef('r.contact_id', '=', 'c.id'))
    .select('c.id')
    .where('r.account_id', '=', accountId)
    .where('r.id', '=', runId)
    .where('c.deleted_at', 'is', null)
    .forKeyShare('c')
    .executeTakeFirst();
  if (!contact) return undefined;
  const run = await trx
    .selectFrom('run')
    .select(['id', 'map_id', 'version', 'contact_id', 'state', 'element_id', 'visit', 'due_at'])
    .where('account_id', '=', accountId)
    .where('id', '=', runId)
    .where('state', 'in', ['running', 'waiting'])
    .forUpdate()
    .executeTakeFirst();
  if (!run) return undefined;
  // Read after the lock, so that both are as of now.
  const map = await trx
    .selectFrom('map as m')
    .innerJoin('map_version as v', (join) =>
      join.onRef('v.account_id', '=', 'm.account_id').onRef('v.map_id', '=', 'm.id'),
    )
    .select(['m.state', 'v.graph', sql<Date>`clock_timestamp()`.as('now')])
    .where('m.account_id', '=', accountId)
    .where('m.id', '=', run.map_id)
    .where('v.version', '=', run.version)
    .executeTakeFirstOrThrow();
  // A version is validated when it is published.
  return { run, graph: map.graph as Graph, mapState: map.state, now: map.now };
}

function updateRun(
  trx: Trx,
  accountId: string,
  runId: string,
  change: {
    state: 'running' | 'waiting' | 'ended' | 'failed';
    due_at: Date | null;
    visit?: number;
    element_id?: string;
    since?: Date;
    error?: string;
    ended_at?: Date;
  },
) {
  return trx.updateTable('run').set(change).where('account_id', '=', accountId).where('id', '=', runId).execute();
}

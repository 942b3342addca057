import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { referencesOf } from './actions/registry.ts';
import { startListening, stopListening } from './listening.ts';
import { loadMap, noSuchMap } from './load-map.ts';
import type { AutomationMap } from './load-map.ts';
import type { Graph } from './map.ts';
import { loadNames } from './names.ts';
import { notifyMap } from './notify-runs.ts';
import { publishProblems } from './validate.ts';

/**
 * Makes the draft the version that contacts begin on from now on; nothing fires for the past, and runs under way stay on their version.
 * A draft that is published already makes no new version. A paused map goes on. Throws AppError 'invalid' with one entry for each problem,
 * its path being `elements.<element id>.<field>`.
 */
export async function publishMap(db: Db, jobs: Jobs, viewer: Viewer, mapId: string): Promise<AutomationMap> {
  const { accountId } = viewer;
  return await db.transaction().execute(async (trx) => {
    const map = await lockMap(trx, accountId, mapId);
    await requirePublishable(trx, accountId, map.graph);
    let version = map.version;
    if (!map.unchanged || version === null) {
      version = (version ?? 0) + 1;
      await trx
        .insertInto('map_version')
        .values({
          account_id: accountId,
          map_id: mapId,
          version,
          graph: JSON.stringify(map.graph),
          published_by: viewer.userId,
        })
        .execute();
    }
    await trx
      .updateTable('map')
      .set({ state: 'published', version })
      .where('account_id', '=', accountId)
      .where('id', '=', mapId)
      .execute();
    await startListening(trx, accountId, mapId, map.graph);
    if (map.state === 'paused') await wakeRuns(trx, jobs, accountId, mapId);
    await notifyMap(trx, accountId, mapId);
    return await loadMap(trx, accountId, mapId);
  });
}

/** From now on the map's triggers don't fire and its contacts stay where they are. Throws 'conflict' unless it is published. */
export async function pauseMap(db: Db, viewer: Viewer, mapId: string): Promise<AutomationMap> {
  const { accountId } = viewer;
  return await db.transaction().execute(async (trx) => {
    const map = await lockMap(trx, accountId, mapId);
    if (map.state !== 'published') throw new AppError('conflict', 'Only a published map can be paused.');
    await trx
      .updateTable('map')
      .set({ state: 'paused' })
      .where('account_id', '=', accountId)
      .where('id', '=', mapId)
      .execute();
    await stopListening(trx, accountId, mapId);
    await notifyMap(trx, accountId, mapId);
    return await loadMap(trx, accountId, mapId);
  });
}

/** Contacts go on from where they are (waits that ended meanwhile end now); mail from during the pause fires nothing. Throws 'conflict' unless paused. */
export async function resumeMap(db: Db, jobs: Jobs, viewer: Viewer, mapId: string): Promise<AutomationMap> {
  const { accountId } = viewer;
  return await db.transaction().execute(async (trx) => {
    const map = await lockMap(trx, accountId, mapId);
    // A paused map has been published.
    if (map.state !== 'paused' || !map.publishedGraph)
      throw new AppError('conflict', 'Only a paused map can be resumed.');
    await trx
      .updateTable('map')
      .set({ state: 'published' })
      .where('account_id', '=', accountId)
      .where('id', '=', mapId)
      .execute();
    await startListening(trx, accountId, mapId, map.publishedGraph);
    await wakeRuns(trx, jobs, accountId, mapId);
    await notifyMap(trx, accountId, mapId);
    return await loadMap(trx, accountId, mapId);
  });
}

async function lockMap(trx: Trx, accountId: string, mapId: string) {
  // By a statement of its own: the one that waits for the lock sees versions as they were before it waited.
  await trx
    .selectFrom('map')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', '=', mapId)
    .forNoKeyUpdate()
    .execute();
  const map = await trx
    .selectFrom('map as m')
    .leftJoin('map_version as v', (join) =>
      join
        .onRef('v.account_id', '=', 'm.account_id')
        .onRef('v.map_id', '=', 'm.id')
        .onRef('v.version', '=', 'm.version'),
    )
    .select(['m.state', 'm.version', 'm.draft', 'v.graph as published'])
    .select(sql<boolean>`coalesce(m.draft = v.graph, false)`.as('unchanged'))
    .where('m.account_id', '=', accountId)
    .where('m.id', '=', mapId)
    .executeTakeFirst();
  if (!map) throw noSuchMap();
  return { ...map, graph: map.draft as Graph, publishedGraph: map.published as Graph | null };
}

async function requirePublishable(trx: Trx, accountId: string, graph: Graph): Promise<void> {
  const nameOf = await loadNames(trx, accountId, graph.elements.flatMap(referencesOf));
  const problems = publishProblems(graph, nameOf);
  if (problems.length === 0) return;
  throw new AppError('invalid', problems.map(({ message }) => message).join(' '), {
    hint: 'Nothing was published.',
    details: problems.map(({ elementId, field, message }) => ({
      path: ['elements', elementId, field].filter((part) => part !== null).join('.'),
      message,
    })),
  });
}

/**
 * While a map is paused its jobs come and go without effect: each run that should move gets a new one. Waits that end within the next minute
 * too, since their own job may still find the map paused.
 */
async function wakeRuns(trx: Trx, jobs: Jobs, accountId: string, mapId: string): Promise<void> {
  const runs = await trx
    .selectFrom('run')
    .select(['id', 'visit', 'due_at'])
    .where('account_id', '=', accountId)
    .where('map_id', '=', mapId)
    .where((eb) =>
      eb.or([
        eb('state', '=', 'running'),
        eb.and([eb('state', '=', 'waiting'), eb('due_at', '<=', sql<Date>`clock_timestamp() + interval '1 minute'`)]),
      ]),
    )
    .execute();
  await jobs.enqueueAll(
    trx,
    'run-step',
    runs.map((run) => ({
      data: { accountId, runId: run.id, visit: run.visit },
      ...(run.due_at && { startAfter: run.due_at }),
    })),
  );
}

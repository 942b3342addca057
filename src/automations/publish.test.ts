import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { line, makeAccount } from '../../test/fixtures/automation.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { createJobs } from '../jobs/jobs.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { createMap, editMap } from './edit-map.ts';
import { publishMap } from './publish.ts';

const database = sharedDatabase();
let jobs: Jobs;
beforeAll(async () => {
  jobs = createJobs({ url: database.url, role: 'enqueue', log: { error: () => {}, warn: () => {} } });
  await jobs.start();
});
afterAll(() => jobs.stop());

test('a draft that is published several times at the same moment is one version', async () => {
  const { viewer } = await makeAccount(database.db);
  const { id } = await createMap(database.db, viewer, { name: 'Map' });
  await editMap(database.db, viewer, id, { graph: line([{ kind: 'change_lead_score', by: 1 }]) });
  let published: Promise<{ version: number | null }[]> | undefined;
  await database.db.transaction().execute(async (trx) => {
    await trx.selectFrom('map').select('id').where('id', '=', id).forUpdate().execute();
    published = Promise.all([1, 2, 3].map(() => publishMap(database.db, jobs, viewer, id)));
    // All have begun before the first can go on.
    await expect.poll(waiting).toBe(3);
  });
  expect((await published)?.map(({ version }) => version)).toEqual([1, 1, 1]);
  const versions = await database.db.selectFrom('map_version').select('version').where('map_id', '=', id).execute();
  expect(versions).toEqual([{ version: 1 }]);
});

async function waiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(database.db);
  return rows[0]!.count;
}

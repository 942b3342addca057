import { setTimeout as sleep } from 'node:timers/promises';
import { deleteLabel } from '../../src/contacts/labels.ts';
import { expect, test } from 'vitest';
import { deleteMap } from '../../src/automations/edit-map.ts';
import { fireEmailReceived } from '../../src/automations/fire.ts';
import { startRuns } from '../../src/automations/run.ts';
import { deleteStage } from '../../src/contacts/stages.ts';
import { createJobs } from '../../src/jobs/jobs.ts';
import { makeAccount, makeContact, makeLabel, makeMail, makeStage, publishLine } from '../fixtures/automation.ts';
import { random } from '../fixtures/random.ts';
import { testDatabase } from '../servers/postgres.ts';

test('deleting contacts, tags, stages and maps under running maps neither deadlocks nor leaves a run behind', async () => {
  await using database = await testDatabase({ max: 20 });
  const { db } = database;
  const errors: unknown[] = [];
  const log = { warn: () => {}, error: (fields: { err?: unknown }) => void errors.push(fields.err) };
  const jobs = createJobs({ url: database.url, role: 'work', log });
  await jobs.start();
  const runs = await startRuns({ db, jobs, log }, { concurrency: 8 });
  const { accountId, userId, viewer } = await makeAccount(db);
  const { next } = random(7);
  const soon = async (work: () => Promise<unknown>) => {
    await sleep(next() * 40);
    return await work();
  };

  for (let round = 0; round < 60; round += 1) {
    const tagId = await makeLabel(db, 'tag', accountId, `Tag ${round}`);
    const stageId = await makeStage(db, accountId, `Stage ${round}`);
    const mapId = await publishLine(db, jobs, viewer, [
      { kind: 'change_lead_score', by: 1 },
      { kind: 'add_tag', tagId },
      { kind: 'move_stage', stageId },
      { kind: 'create_task', subject: 'Answer', assignee: 'contact_owner', due: { amount: 1, unit: 'days' } },
      { kind: 'change_lead_score', by: 1 },
    ]);
    const contacts = await Promise.all(Array.from({ length: 6 }, () => makeContact(db, accountId, userId)));
    const mails = await Promise.all([...contacts, ...contacts].map((contact) => makeMail(db, accountId, contact)));
    const page = (sightings: typeof mails) =>
      db.transaction().execute((trx) => fireEmailReceived(trx, jobs, accountId, sightings));
    await Promise.all([
      page(mails),
      page(mails.toReversed()),
      soon(() => page(mails)),
      soon(() => deleteLabel(db, 'tag', accountId, tagId)),
      soon(() => deleteStage(db, accountId, stageId)),
      soon(() => (round % 3 > 0 ? deleteMap(db, viewer, mapId) : Promise.resolve())),
      ...contacts.slice(0, 4).map((id) => soon(() => db.deleteFrom('contact').where('id', '=', id).execute())),
    ]);
  }
  await expect
    .poll(() => db.selectFrom('run').select('id').where('state', 'in', ['running', 'waiting']).execute(), {
      timeout: 60_000,
      interval: 100,
    })
    .toEqual([]);
  expect(errors).toEqual([]);
  runs.stop();
  await jobs.stop();
});

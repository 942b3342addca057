import { createLabel, deleteLabel, listLabels, renameLabel } from './labels.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeTeam, sealer } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';
import { contactDeps } from '../log/for-contacts.ts';
import { defaultStages } from './default-stages.ts';
import { loadContact } from './load.ts';
import { createContact } from './save.ts';
import type { ContactFields } from './save.ts';
import { createStage, deleteStage, listStages, updateStage } from './stages.ts';

const database = sharedDatabase();
let db: Db;
let accountId: string;
let owner: Viewer;

const deps = contactDeps({ sealer, blobs: { remove: async () => {} } });
const create = (fields: ContactFields) => createContact(db, deps, owner, fields);

beforeEach(async () => {
  ({ db } = database);
  const team = await makeTeam(db);
  accountId = team.accountId;
  owner = team.viewers[0]!;
});

describe('tags, segments and stages', () => {
  test('begin with the default pipeline, which can be reordered, renamed and shortened', async () => {
    const stages = async () => (await listStages(db, accountId)).map((stage) => stage.name);
    expect(await stages()).toEqual([...defaultStages]);
    const [fresh, , , , won] = await listStages(db, accountId);
    await updateStage(db, accountId, won!.id, { position: 0, name: 'Customer' });
    await deleteStage(db, accountId, fresh!.id);
    await createStage(db, accountId, 'Nurture');
    expect(await stages()).toEqual(['Customer', 'Contacted', 'Qualified', 'Proposal', 'Lost', 'Nurture']);
    expect((await listStages(db, accountId)).map((stage) => stage.position)).toEqual([0, 1, 2, 3, 4, 5]);
    await expect(createStage(db, accountId, 'Lost')).rejects.toMatchObject({ code: 'conflict' });
    await expect(updateStage(db, accountId, won!.id, { name: 'Lost' })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('of a deleted stage the contacts stay, in none', async () => {
    const [stage] = await listStages(db, accountId);
    const { id } = await create({ firstName: 'Grace', stageId: stage!.id });
    await deleteStage(db, accountId, stage!.id);
    expect((await loadContact(db, deps, owner, id)).stage).toBeNull();
  });

  test('have names that are unique without regard to case, and say how many contacts carry them', async () => {
    const tag = await createLabel(db, 'tag', accountId, 'VIP');
    await expect(createLabel(db, 'tag', accountId, ' vip ')).rejects.toMatchObject({ code: 'conflict' });
    const { id } = await create({ firstName: 'Grace', tagIds: [tag.id] });
    expect(await listLabels(db, 'tag', accountId)).toEqual([{ id: tag.id, name: 'VIP', contactCount: 1 }]);
    expect((await renameLabel(db, 'tag', accountId, tag.id, 'Vip')).name).toBe('Vip');
    await deleteLabel(db, 'tag', accountId, tag.id);
    expect((await loadContact(db, deps, owner, id)).tags).toEqual([]);
  });
});

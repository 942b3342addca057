import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { ContactDeps } from './deps.ts';

export interface Stage {
  id: string;
  name: string;
  position: number;
}

/** The account's pipeline, in its order. */
export async function listStages(db: Db | Trx, accountId: string): Promise<Stage[]> {
  return await db
    .selectFrom('stage')
    .select(['id', 'name', 'position'])
    .where('account_id', '=', accountId)
    .orderBy('position')
    .orderBy('id')
    .execute();
}

/** Makes a stage at the pipeline's end. Throws AppError 'conflict' for a name that is taken. */
export async function createStage(db: Db, accountId: string, name: string): Promise<Stage> {
  return await db.transaction().execute(async (trx) => {
    const stages = await lockStages(trx, accountId);
    refuseTaken(stages, name);
    return await trx
      .insertInto('stage')
      .values({ account_id: accountId, name: name.trim(), position: stages.length })
      .returning(['id', 'name', 'position'])
      .executeTakeFirstOrThrow();
  });
}

/**
 * Renames a stage or moves it to a place of the pipeline (0 is the first; what is past the end is the end); the others make room.
 * Throws AppError 'not_found' or 'conflict'.
 */
export async function updateStage(
  db: Db,
  accountId: string,
  id: string,
  change: { name?: string; position?: number },
): Promise<Stage> {
  return await db.transaction().execute(async (trx) => {
    const stages = await lockStages(trx, accountId);
    const stage = stages.find((one) => one.id === id);
    if (!stage) throw noStage();
    const others = stages.filter((one) => one.id !== id);
    if (change.name !== undefined) {
      refuseTaken(others, change.name);
      await trx
        .updateTable('stage')
        .set({ name: change.name.trim() })
        .where('account_id', '=', accountId)
        .where('id', '=', id)
        .execute();
    }
    if (change.position !== undefined) {
      await reorder(trx, accountId, others.toSpliced(Math.max(0, change.position), 0, stage));
    }
    return (await listStages(trx, accountId)).find((one) => one.id === id)!;
  });
}

/** Deletes a stage; its contacts are then in none. Throws AppError 'not_found'. */
export async function deleteStage(db: Db, accountId: string, id: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const stages = await lockStages(trx, accountId);
    if (!stages.some((stage) => stage.id === id)) throw noStage();
    await trx.deleteFrom('stage').where('account_id', '=', accountId).where('id', '=', id).execute();
    await reorder(
      trx,
      accountId,
      stages.filter((stage) => stage.id !== id),
    );
  });
}

/**
 * Moves contacts to a stage (null: to none), set-wise, and appends each move to the Contact Log; those who are there already stay as they are.
 * `actorId` null: an automation did it. Throws AppError 'invalid' when the stage isn't there.
 */
export async function moveToStage(
  trx: Trx,
  deps: Pick<ContactDeps, 'stageChanged'>,
  accountId: string,
  contactIds: readonly string[],
  stageId: string | null,
  actorId: string | null,
): Promise<void> {
  const to = stageId === null ? null : await stageToMoveTo(trx, accountId, stageId);
  const { rows } = await sql<{ id: string; stageId: string | null; name: string | null }>`
    update contact set stage_id = ${stageId}, updated_at = now()
    from (
      select c.id, c.stage_id, stage.name from contact c
      left join stage on stage.account_id = c.account_id and stage.id = c.stage_id
      where c.account_id = ${accountId} and c.id = any(${contactIds}::uuid[]) and c.merged_into is null and c.deleted_at is null
        and c.stage_id is distinct from ${stageId}::uuid
      order by c.id for no key update of c
    ) before
    where contact.account_id = ${accountId} and contact.id = before.id
    returning contact.id, before.stage_id as "stageId", before.name`.execute(trx);
  const changes = rows.map((row) => ({
    contactId: row.id,
    from: row.stageId === null ? null : { id: row.stageId, name: row.name ?? '' },
    to,
  }));
  if (changes.length > 0) await deps.stageChanged(trx, accountId, changes, actorId);
}

async function stageToMoveTo(trx: Trx, accountId: string, stageId: string): Promise<{ id: string; name: string }> {
  const stage = await trx
    .selectFrom('stage')
    .select(['id', 'name'])
    .where('account_id', '=', accountId)
    .where('id', '=', stageId)
    .forKeyShare()
    .executeTakeFirst();
  if (stage) return stage;
  throw new AppError('invalid', "The stage isn't there any more. Reload and choose again.", {
    details: [{ path: 'stageId', message: "isn't there" }],
  });
}

/** All stages, locked in one order: two changes of the pipeline go one after the other. */
async function lockStages(trx: Trx, accountId: string): Promise<Stage[]> {
  await sql`select from account where id = ${accountId} for no key update`.execute(trx);
  return await listStages(trx, accountId);
}

async function reorder(trx: Trx, accountId: string, stages: readonly Stage[]): Promise<void> {
  await sql`
    update stage set position = place.position - 1
    from unnest(${stages.map((stage) => stage.id)}::uuid[]) with ordinality as place (id, position)
    where stage.account_id = ${accountId} and stage.id = place.id`.execute(trx);
}

function refuseTaken(stages: readonly Stage[], name: string): void {
  if (!stages.some((stage) => stage.name === name.trim())) return;
  throw new AppError('conflict', `There is already a stage called “${name.trim()}”. Choose another name.`, {
    details: [{ path: 'name', message: 'is taken' }],
  });
}

function noStage(): AppError {
  return new AppError('not_found', 'There is no such stage. It may have been deleted.');
}

import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';

/** Tags and segments are the same thing in the database: a name that contacts carry. */
export type Label = 'tag' | 'segment';

const carried = {
  tag: { table: 'contact_tag', column: 'tag_id' },
  segment: { table: 'contact_segment', column: 'segment_id' },
} as const;

export interface LabelRow {
  id: string;
  name: string;
  contactCount: number;
}

/** Every label of the account by name, with how many contacts carry it. */
export async function listLabels(db: Db | Trx, label: Label, accountId: string): Promise<LabelRow[]> {
  const { table, column } = of(label);
  const { rows } = await sql<LabelRow>`
    select label.id, label.name, (
      select count(*)::int from ${table} carried where carried.account_id = label.account_id and carried.${column} = label.id
    ) as "contactCount"
    from ${sql.table(label)} label where label.account_id = ${accountId} order by lower(label.name), label.id`.execute(
    db,
  );
  return rows;
}

/** Makes a label. Names are unique without regard to case: throws AppError 'conflict'. */
export async function createLabel(db: Db | Trx, label: Label, accountId: string, name: string): Promise<LabelRow> {
  const { rows } = await sql<{ id: string; name: string }>`
    insert into ${sql.table(label)} (account_id, name) values (${accountId}, ${name.trim()})
    on conflict do nothing returning id, name`.execute(db);
  if (!rows[0]) throw nameTaken(label, name);
  return { ...rows[0], contactCount: 0 };
}

/** Renames a label. Throws AppError 'not_found' or 'conflict'. */
export async function renameLabel(
  db: Db,
  label: Label,
  accountId: string,
  id: string,
  name: string,
): Promise<LabelRow> {
  return await db.transaction().execute(async (trx) => {
    const { rows: others } = await sql`
      select from ${sql.table(label)} where account_id = ${accountId} and lower(name) = lower(${name.trim()}) and id <> ${id}`.execute(
      trx,
    );
    if (others.length > 0) throw nameTaken(label, name);
    const { rows } = await sql`
      update ${sql.table(label)} set name = ${name.trim()} where account_id = ${accountId} and id = ${id} returning id`.execute(
      trx,
    );
    if (rows.length === 0) throw noLabel(label);
    return (await listLabels(trx, label, accountId)).find((row) => row.id === id)!;
  });
}

/** Deletes a label; the contacts stay. Throws AppError 'not_found'. */
export async function deleteLabel(db: Db | Trx, label: Label, accountId: string, id: string): Promise<void> {
  const { rows } = await sql`
    delete from ${sql.table(label)} where account_id = ${accountId} and id = ${id} returning id`.execute(db);
  if (rows.length === 0) throw noLabel(label);
}

/** Gives a contact exactly these labels. Throws AppError 'invalid' for one that isn't there. */
export async function setLabels(
  trx: Trx,
  label: Label,
  accountId: string,
  contactId: string,
  ids: readonly string[],
): Promise<void> {
  const { table, column } = of(label);
  const wanted = [...new Set(ids)];
  const { rows } = await sql`
    select from ${sql.table(label)} where account_id = ${accountId} and id = any(${wanted}::uuid[]) for key share`.execute(
    trx,
  );
  if (rows.length !== wanted.length) {
    throw new AppError('invalid', `One of the ${label}s isn't there any more. Reload and choose again.`, {
      details: [{ path: `${label}Ids`, message: `names a ${label} that isn't there` }],
    });
  }
  await sql`
    delete from ${table} where account_id = ${accountId} and contact_id = ${contactId} and ${column} <> all(${wanted}::uuid[])`.execute(
    trx,
  );
  await sql`
    insert into ${table} (account_id, contact_id, ${column}) select ${accountId}, ${contactId}, unnest(${wanted}::uuid[])
    on conflict do nothing`.execute(trx);
}

function of(label: Label) {
  return { table: sql.table(carried[label].table), column: sql.ref(carried[label].column) };
}

function noLabel(label: Label): AppError {
  return new AppError('not_found', `There is no such ${label}. It may have been deleted.`);
}

function nameTaken(label: Label, name: string): AppError {
  return new AppError('conflict', `There is already a ${label} called “${name.trim()}”. Choose another name.`, {
    details: [{ path: 'name', message: 'is taken' }],
  });
}

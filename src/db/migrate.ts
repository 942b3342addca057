import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';

const folder = path.join(import.meta.dirname, '../../migrations');

/** Any fixed number: whoever migrates this database holds it. */
const migrationLock = 4_700_001;

/**
 * Applies the files of migrations/ that the database doesn't have yet, by name, each in its own transaction, and
 * returns their names. Processes that start together wait for each other on an advisory lock.
 * Throws when the database has a migration that this version doesn't know (it was used by a newer one).
 */
export async function migrate(url: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const client = new pg.Client({ connectionString: url, application_name: 'letterlog migrate' });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query(
      'create table if not exists migration (name text primary key, applied_at timestamptz not null default now())',
    );
    const rows = (await client.query<{ name: string }>('select name from migration')).rows;
    const applied = new Set(rows.map((row) => row.name));
    const unknown = [...applied].filter((name) => !files.includes(name));
    if (unknown.length > 0)
      throw new Error(
        `The database was used by a newer version of Letterlog (it has ${unknown.join(', ')}). Start that version, or restore the backup from before its upgrade.`,
      );
    const due = files.filter((name) => !applied.has(name));
    for (const name of due) await apply(client, name);
    return due;
  } finally {
    // Ending the session gives the lock back, also after a failure.
    await client.end();
  }
}

async function apply(client: pg.Client, name: string): Promise<void> {
  const sql = await readFile(path.join(folder, name), 'utf8');
  try {
    await client.query('begin');
    await client.query(sql);
    await client.query('insert into migration (name) values ($1)', [name]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw new Error(`The migration ${name} failed and was rolled back: ${(error as Error).message}`, { cause: error });
  }
}

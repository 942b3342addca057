import { sql } from 'kysely';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Db } from './open.ts';

const folder = path.join(import.meta.dirname, '../../migrations');

/** The migrations that the database doesn't have yet, by name. Throws when the database can't be asked. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from migration`.execute(db);
  const applied = new Set(rows.map((row) => row.name));
  const files = await readdir(folder);
  return files.filter((name) => name.endsWith('.sql') && !applied.has(name)).sort();
}

import { Kysely, PostgresDialect } from 'kysely';
import type { PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Database } from './schema.ts';
import type { Db } from './open.ts';
import { sqlState } from './repeat.ts';

/** A session keeps the plans, some tens of KB each: statements whose texts have no end are not what this is for. */
const mostStatements = 300;
/** The plan of a table that was altered ("must not change result type"), and a statement that the session has lost. */
const stale = new Set(['0A000', '26000']);

/**
 * The same connections, but a session parses and plans each statement once and not each time: half of what the database does for a page of live mail. PostgreSQL may keep to
 * a plan that knows nothing of the values (PREPARE, Notes) until the table is analyzed again: it is for statements that touch few rows by their keys.
 * The pool stays its owner's: destroying this does not end it. Where a plan is stale all are made anew, and within a transaction that has to be repeated (repeat.ts).
 */
export function openPrepared(pool: Pool): Db {
  const names = new Map<string, string>();
  let named = 0;
  const nameOf = (text: string) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= mostStatements) return known;
    const name = `letterlog_${(named += 1)}`;
    names.set(text, name);
    return name;
  };
  const preparing = (client: PoolClient) => {
    // "begin" and "commit" have no plan.
    const ask = (text: string, values: unknown[]) =>
      client.query({ name: values.length === 0 ? undefined : nameOf(text), text, values });
    const query = async (text: string, values: unknown[]) => {
      try {
        return await ask(text, values);
      } catch (error) {
        if (!stale.has(sqlState(error) ?? '')) throw error;
        names.clear();
        return await ask(text, values).catch(() => {
          throw error;
        });
      }
    };
    return { query, release: (destroy?: boolean) => client.release(destroy) };
  };
  const connect = async () => preparing(await pool.connect()) as unknown as PostgresPoolClient;
  return new Kysely<Database>({
    dialect: new PostgresDialect({ pool: { connect, end: async () => {}, options: pool.options } }),
  });
}

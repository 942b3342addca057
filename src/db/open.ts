import { Kysely, PostgresDialect } from 'kysely';
import type { Transaction } from 'kysely';
import pg from 'pg';
import { openPrepared } from './prepared.ts';
import type { Database } from './schema.ts';

export type Db = Kysely<Database>;
export type Trx = Transaction<Database>;

/** PostgreSQL's type number of `date`: a day has no instant, so it stays text ("2026-02-29"). */
const dateOid = 1082;

/**
 * Opens a pool of at most `max` connections (default 10); connecting itself waits for the first query.
 * bigint and date come back as text. `db.destroy()` closes the pool.
 * A statement may take 60 s: what is slower is a bug that would hold locks. A transaction may idle 15 s, as long as a process that syncs may give no sign
 * of life (sync/lease.ts): what a stopped one holds locked must not keep others from taking over.
 */
export function openDatabase(url: string, options: { max?: number } = {}): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: 'letterlog',
    connectionTimeoutMillis: 15_000,
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === dateOid ? (text: string) => text : pg.types.getTypeParser(oid, format as 'text')) as never,
    },
  });
  // An idle connection that breaks is dropped by the pool; the next query opens another and reports what is wrong.
  pool.on('error', () => {});
  // One that breaks between two statements of a transaction says so by this event, which ends the process where nobody listens; the next statement fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  const db: Db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  preparedOf.set(db, openPrepared(pool));
  return db;
}

const preparedOf = new WeakMap<Db, Db>();

/** The same database by the same connections, which prepare statements: what for and what not is told in prepared.ts. Throws a TypeError for one that openDatabase() didn't open. */
export function prepared(db: Db): Db {
  const same = preparedOf.get(db);
  if (!same) throw new TypeError('Statements are prepared on what openDatabase() opened.');
  return same;
}

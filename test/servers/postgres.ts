import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/open.ts';

export interface TestDatabase extends AsyncDisposable {
  db: Db;
  url: string;
}

/** Nothing here outlives the run, so the tests' own server needn't wait for the disk. */
export const testServerSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

let ready: Promise<{ server: string; template: string }> | undefined;

/**
 * A fresh, migrated database of the test's own, dropped when it is disposed (`await using` or its asyncDispose).
 * It is copied from a template that is migrated once a run, on the run's embedded server or the one that
 * LETTERLOG_TEST_DATABASE_URL names (its user must be allowed to create databases and extensions).
 */
export async function testDatabase(options: { max?: number } = {}): Promise<TestDatabase> {
  ready ??= prepare();
  const { server, template } = await ready;
  const name = `letterlog_test_${randomBytes(8).toString('hex')}`;
  await once(server, (client) => client.query(`create database ${name} template ${template}`));
  const url = databaseUrl(server, name);
  const db = openDatabase(url, options);
  return {
    db,
    url,
    async [Symbol.asyncDispose]() {
      await db.destroy();
      await once(server, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** The address of the server that tests use, without a database of their own: for tests of migrations themselves. */
export async function emptyTestDatabase(): Promise<{ url: string } & AsyncDisposable> {
  const server = await serverUrl();
  const name = `letterlog_test_${randomBytes(8).toString('hex')}`;
  await once(server, (client) => client.query(`create database ${name} template template0`));
  return {
    url: databaseUrl(server, name),
    [Symbol.asyncDispose]: async () =>
      void (await once(server, (client) => client.query(`drop database if exists ${name} with (force)`))),
  };
}

async function serverUrl(): Promise<string> {
  const external = process.env['LETTERLOG_TEST_DATABASE_URL'];
  // Started by the first test that wants it; the run's global set-up stops it.
  return external ?? (await startEmbedded(inject('postgresFolder'), testServerSettings)).url;
}

async function prepare(): Promise<{ server: string; template: string }> {
  const server = await serverUrl();
  const template = `letterlog_template_${migrationsHash()}`;
  await once(server, async (client) => {
    // Test files run in several processes: one makes the template, the others wait for it.
    await client.query('select pg_advisory_lock(4700002)');
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [template]);
    if (rowCount === 0) {
      const draft = `${template}_draft`;
      await client.query(`drop database if exists ${draft} with (force)`);
      await client.query(`create database ${draft} template template0`);
      await migrate(databaseUrl(server, draft));
      await client.query(`alter database ${draft} rename to ${template}`);
    }
  });
  return { server, template };
}

function migrationsHash(): string {
  const folder = path.join(import.meta.dirname, '../../migrations');
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(path.join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function once<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

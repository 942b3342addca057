import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbedded } from '../src/db/embedded.ts';
import { type ApiClient, setUp } from '../test/servers/api-client.ts';
import { type App, startApp } from '../test/servers/app.ts';

/** The product in a process of its own on an embedded database with its ordinary settings, and a second way into that database. */
export interface Product extends AsyncDisposable {
  app: App;
  api: ApiClient;
  sql: pg.Client;
  /** The database server's processes. */
  databasePids(): number[];
}

export async function startProduct(env: Record<string, string> = {}): Promise<Product> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'letterlog-bench-'));
  const database = await startEmbedded(path.join(folder, 'postgres'));
  const app = await startApp({ env: { DATABASE_URL: database.url, ...env } });
  const { api } = await setUp(app.url, app.setupToken as string);
  const sql = new pg.Client(database.url);
  await sql.connect();
  return {
    app,
    api,
    sql,
    databasePids: () =>
      withChildren(Number(readFileSync(path.join(folder, 'postgres/pg18/postmaster.pid'), 'utf8').split('\n')[0])),
    [Symbol.asyncDispose]: async () => {
      await sql.end();
      await app[Symbol.asyncDispose]();
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function withChildren(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => parentOf(one) === pid);
  return [pid, ...children];
}

function parentOf(pid: number): number | null {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[1],
    );
  } catch {
    return null;
  }
}

import path from 'node:path';
import { loadConfig } from '../config.ts';
import type { Config } from '../config.ts';
import { startEmbedded } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import { openDatabase } from '../db/open.ts';
import type { Db } from '../db/open.ts';

/** Works on the server's own database, by the same settings; the embedded one is started unless the server runs it. */
export async function withDatabase<T>(work: (db: Db, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const embedded = config.databaseUrl === null ? await startEmbedded(path.join(config.dataDir, 'postgres')) : null;
  try {
    const url = config.databaseUrl ?? (embedded as { url: string }).url;
    await migrate(url);
    const db = openDatabase(url, { max: 2 });
    try {
      return await work(db, config);
    } finally {
      await db.destroy();
    }
  } finally {
    await embedded?.stop();
  }
}

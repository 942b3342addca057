import { sql } from 'kysely';
import { expect, test, vi } from 'vitest';
import { testDatabase } from '../../test/servers/postgres.ts';
import { openDatabase } from './open.ts';

test('a connection that the server ends between two statements of a transaction fails that transaction and not the process', async () => {
  await using database = await testDatabase();
  const db = openDatabase(database.url, { max: 1 });
  const uncaught = vi.fn<(error: Error) => void>();
  process.prependListener('uncaughtException', uncaught);
  try {
    const outcome = db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(database.db);
      const left = sql`select from pg_stat_activity where pid = ${rows[0]!.pid}`;
      await expect.poll(async () => (await left.execute(database.db)).rows).toHaveLength(0);
      const refused = () => sql`select 1`.execute(trx).catch((error: unknown) => error);
      await expect.poll(refused).toBeInstanceOf(Error);
      throw new Error('rolled back');
    });
    await expect(outcome).rejects.toThrow();
    expect(uncaught).not.toHaveBeenCalled();
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  } finally {
    process.off('uncaughtException', uncaught);
    await db.destroy();
  }
});

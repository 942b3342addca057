import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/servers/postgres.ts';
import { listen, notify } from './listen.ts';
import type { Channels } from './listen.ts';

const connection = { accountId: 'a', connectionId: 'c' };

test('a notification arrives when its transaction commits, and not before', async () => {
  await using database = await testDatabase();
  const heard: Channels['letterlog_connection'][] = [];
  const listener = await listen(database.url, { letterlog_connection: (payload) => heard.push(payload) }, () => {});
  await database.db.transaction().execute(async (trx) => {
    await notify(trx, 'letterlog_connection', connection);
    await notify(database.db, 'letterlog_connection', { ...connection, connectionId: 'first' });
    await expect.poll(() => heard).toEqual([{ accountId: 'a', connectionId: 'first' }]);
  });
  await expect.poll(() => heard).toHaveLength(2);
  expect(heard[1]).toEqual(connection);
  await listener.close();
});

test('a rolled-back transaction says nothing', async () => {
  await using database = await testDatabase();
  const heard: string[] = [];
  const listener = await listen(database.url, { letterlog_change: ({ kind }) => heard.push(kind) }, () => {});
  const failed = database.db.transaction().execute(async (trx) => {
    await notify(trx, 'letterlog_change', { accountId: 'a', kind: 'log' });
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  await notify(database.db, 'letterlog_change', { accountId: 'a', kind: 'task' });
  await expect.poll(() => heard).toEqual(['task']);
  await listener.close();
});

test('after a broken connection it listens again and reports the gap', async () => {
  await using database = await testDatabase();
  const heard: unknown[] = [];
  let gaps = 0;
  const listener = await listen(
    database.url,
    { letterlog_connection: (payload) => heard.push(payload) },
    () => void gaps++,
  );
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'letterlog listen' and datname = current_database()`.execute(database.db);
  await expect.poll(() => gaps).toBe(1);
  await notify(database.db, 'letterlog_connection', connection);
  await expect.poll(() => heard).toEqual([connection]);
  await listener.close();
});

test('what is no object in JSON is dropped', async () => {
  await using database = await testDatabase();
  const heard: unknown[] = [];
  const listener = await listen(database.url, { letterlog_connection: (payload) => heard.push(payload) }, () => {});
  for (const payload of ['hello', 'null', '"x"', '4'])
    await sql`select pg_notify('letterlog_connection', ${payload})`.execute(database.db);
  await notify(database.db, 'letterlog_connection', connection);
  await expect.poll(() => heard).toEqual([connection]);
  await listener.close();
});

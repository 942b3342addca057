import { expect, test } from 'vitest';
import { testDatabase } from './postgres.ts';

test('every test database is migrated and its own', async () => {
  await using one = await testDatabase();
  await using two = await testDatabase();
  await one.db.insertInto('account').values({ name: 'Acme' }).execute();
  expect(await one.db.selectFrom('account').select('name').execute()).toEqual([{ name: 'Acme' }]);
  expect(await two.db.selectFrom('account').select('name').execute()).toEqual([]);
});

test('bigint and date come back as text', async () => {
  await using database = await testDatabase();
  const { sql } = await import('kysely');
  const { rows } = await sql`select 9007199254740993::int8 as big, date '2026-02-28' as day`.execute(database.db);
  expect(rows).toEqual([{ big: '9007199254740993', day: '2026-02-28' }]);
});

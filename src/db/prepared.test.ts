import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { prepared } from './open.ts';
import type { Db } from './open.ts';
import { repeating } from './repeat.ts';

let database: TestDatabase;
let db: Db;

beforeEach(async () => {
  // One session, to see what it keeps.
  database = await testDatabase({ max: 1 });
  db = prepared(database.db);
  await sql`create table fruit (name text, price integer)`.execute(database.db);
  await sql`insert into fruit values ('apple', 1), ('pear', 2)`.execute(database.db);
});
afterEach(() => database[Symbol.asyncDispose]());

const costing = async (price: number) => (await sql`select * from fruit where price = ${price}`.execute(db)).rows;
const kept = async () => {
  const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(database.db);
  return rows.map(({ statement }) => statement);
};

test('a session prepares each statement once, whatever the values', async () => {
  expect(await costing(1)).toEqual([{ name: 'apple', price: 1 }]);
  expect(await costing(2)).toEqual([{ name: 'pear', price: 2 }]);
  expect(await kept()).toEqual(['select * from fruit where price = $1']);
});

test('the other statements of the same session are not prepared', async () => {
  await sql`select * from fruit where price = ${1}`.execute(database.db);
  expect(await kept()).toEqual([]);
});

test('a table that was altered under a session is planned for anew', async () => {
  await costing(1);
  await sql`alter table fruit add column colour text default 'red'`.execute(database.db);
  expect(await costing(1)).toEqual([{ name: 'apple', price: 1, colour: 'red' }]);
});

test('within a transaction, altered tables cost one repetition, however many statements ask for them', async () => {
  const prices = [1, 2, 3, 4, 5, 6, 7];
  const ask = async (asked: Db) => {
    for (const price of prices)
      await sql`select *, ${sql.lit(price)} as nth from fruit where price = ${price}`.execute(asked);
  };
  await ask(db);
  await sql`alter table fruit add column colour text default 'red'`.execute(database.db);
  let tries = 0;
  await repeating(async () => {
    tries += 1;
    await db.transaction().execute(ask);
  });
  expect(tries).toBe(2);
});

test('a statement that the session has lost is prepared anew', async () => {
  await costing(1);
  await sql`deallocate all`.execute(database.db);
  expect(await costing(2)).toEqual([{ name: 'pear', price: 2 }]);
});

test('however many texts there are, a session keeps only so many', async () => {
  for (let n = 0; n < 320; n += 1) await sql`select ${1}::integer as ${sql.ref(`n${n}`)}`.execute(db);
  expect(await kept()).toHaveLength(300);
  expect(await costing(2)).toEqual([{ name: 'pear', price: 2 }]);
});

test('transactions are its own', async () => {
  const broken = db.transaction().execute(async (trx) => {
    await sql`insert into fruit values (${'fig'}, ${3})`.execute(trx);
    throw new Error('rolled back');
  });
  await expect(broken).rejects.toThrow('rolled back');
  expect(await costing(3)).toEqual([]);
});

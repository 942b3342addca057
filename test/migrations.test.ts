import { sql } from 'kysely';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { migrate } from '../src/db/migrate.ts';
import type { Db } from '../src/db/open.ts';
import { emptyTestDatabase, testDatabase } from './servers/postgres.ts';

const schemaFolder = path.join(import.meta.dirname, '../src/db/schema');

/** Table → column → type, as written in src/db/schema. */
function writtenTypes(): Record<string, Record<string, string>> {
  const interfaces: Record<string, Record<string, string>> = {};
  for (const file of readdirSync(schemaFolder)) {
    const text = readFileSync(path.join(schemaFolder, file), 'utf8').replaceAll(/\/\*\*[\s\S]*?\*\/|\/\/.*/g, '');
    for (const [, name, body] of text.matchAll(/export interface (\w+) \{([\s\S]*?)\n\}/g))
      interfaces[name!] = Object.fromEntries(
        [...body!.matchAll(/^ {2}(\w+): ([\s\S]*?);$/gm)].map(([, column, type]) => [
          column!,
          type!.replaceAll(/\s+/g, ' '),
        ]),
      );
  }
  const database = readFileSync(path.join(schemaFolder, '../schema.ts'), 'utf8');
  return Object.fromEntries(
    [...database.matchAll(/^ {2}(\w+): (\w+Table);$/gm)].map(([, table, name]) => [table!, interfaces[name!]!]),
  );
}

const kinds: Record<string, RegExp> = {
  uuid: /^string$/,
  text: /^(Computed|string|('[\w-]+'( \| )?)+)$/,
  bool: /^boolean$/,
  int4: /^number$/,
  int2: /^number$/,
  float8: /^number$/,
  int8: /^(Int8|ColumnType<string, never, never>)$/,
  timestamptz: /^Timestamp$/,
  date: /^string$/,
  bytea: /^Buffer$/,
  jsonb: /^Json$/,
  _bytea: /^Buffer\[\]$/,
  _text: /^string\[\]$/,
  _uuid: /^string\[\]$/,
};

interface Column {
  table: string;
  column: string;
  type: string;
  nullable: boolean;
  filled: boolean;
  choices: string[] | null;
}

async function columns(db: Db): Promise<Column[]> {
  const { rows } = await sql<Column & { check: string | null }>`
    select c.relname as table, a.attname as column, t.typname as type, not a.attnotnull as nullable,
      (a.atthasdef or a.attidentity <> '' or a.attgenerated <> '') as filled,
      (select pg_get_constraintdef(k.oid) from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum] limit 1) as check
    from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and a.attnum > 0 and not a.attisdropped and c.relname <> 'migration'
    order by 1, 2`.execute(db);
  return rows.map(({ check, ...row }) => ({
    ...row,
    choices: check?.includes('ANY (ARRAY[') ? [...check.matchAll(/'([^']*)'::text/g)].map((match) => match[1]!) : null,
  }));
}

test('the row types say what the migrated database has', async () => {
  await using database = await testDatabase();
  const written = writtenTypes();
  const found = await columns(database.db);
  const names = (pairs: [string, string][]) => pairs.map((pair) => pair.join('.')).sort();
  expect(
    names(Object.entries(written).flatMap(([table, all]) => Object.keys(all).map((c): [string, string] => [table, c]))),
  ).toEqual(names(found.map(({ table, column }) => [table, column])));
  const wrong = found.flatMap(({ table, column, type, nullable, filled, choices }) => {
    const text = written[table]![column]!;
    const plain = text
      .replace(/^Generated<(.*)>/, '$1')
      .replace(/^CreatedAt/, 'Timestamp')
      .replace(/^Generated(Int8|Json)/, '$1');
    const base = plain.replace(/ \| null$/, '');
    const problems = [];
    if (!kinds[type]?.test(base)) problems.push(`is ${type}`);
    if (nullable !== (plain !== base)) problems.push(nullable ? 'may be null' : 'is never null');
    if (/^(Generated|CreatedAt)/.test(text) && !filled) problems.push('has no default');
    const literals = [...base.matchAll(/'([\w-]+)'/g)].map((match) => match[1]!);
    if (literals.length > 0 && choices && [...choices].sort().join() !== [...literals].sort().join())
      problems.push(`is one of ${choices.join(', ')}`);
    return problems.map((problem) => `${table}.${column}: ${text}, but it ${problem}`);
  });
  expect(wrong).toEqual([]);
});

test('no foreign key leads from one account to another', async () => {
  await using database = await testDatabase();
  const { rows } = await sql<{ from: string; to: string; columns: string[] }>`
    select conrelid::regclass::text as from, confrelid::regclass::text as to,
      (select array_agg(attname::text) from pg_attribute where attrelid = conrelid and attnum = any (conkey)) as columns
    from pg_constraint k where contype = 'f'
      and exists (select from pg_attribute where attrelid = conrelid and attname = 'account_id' and atttypid = 'uuid'::regtype)
      and exists (select from pg_attribute where attrelid = confrelid and attname = 'account_id' and atttypid = 'uuid'::regtype)
    `.execute(database.db);
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter(({ columns: names }) => !names.includes('account_id'))).toEqual([]);
});

test('migrations are applied once, by whoever comes first', async () => {
  await using database = await emptyTestDatabase();
  const applied = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
  const files = readdirSync(path.join(import.meta.dirname, '../migrations')).sort();
  expect(applied.toSorted((a, b) => b.length - a.length)).toEqual([files, [], []]);
  expect(await migrate(database.url)).toEqual([]);
});

test('a database of a newer version is left alone', async () => {
  await using database = await emptyTestDatabase();
  await migrate(database.url);
  const client = new pg.Client(database.url);
  await client.connect();
  await client.query("insert into migration (name) values ('9999_future.sql')");
  await client.end();
  await expect(migrate(database.url)).rejects.toThrow('newer version of Letterlog (it has 9999_future.sql)');
});

/** A database as it was before this migration, with one folder. */
async function databaseBefore(migration: string) {
  const database = await emptyTestDatabase();
  const client = new pg.Client(database.url);
  await client.connect();
  const folder = path.join(import.meta.dirname, '../migrations');
  await client.query('create table migration (name text primary key, applied_at timestamptz not null default now())');
  for (const name of readdirSync(folder).sort()) {
    if (name >= migration) break;
    await client.query(readFileSync(path.join(folder, name), 'utf8'));
    await client.query('insert into migration (name) values ($1)', [name]);
  }
  await client.query(`
    with a as (insert into account (name) values ('Acme') returning id),
    c as (insert into connection (account_id, provider, address, address_key, settings, sharing, state)
      select id, 'imap', 'me@acme.example', 'me@acme.example', '{}', 'private', 'active' from a returning account_id, id)
    insert into folder (account_id, connection_id, ref, name, selectable) select account_id, id, 'INBOX', 'INBOX', true from c`);
  const end = async () => {
    await client.end();
    await database[Symbol.asyncDispose]();
  };
  return { client, url: database.url, [Symbol.asyncDispose]: end };
}

test('hashes of strangers are taken over into their ledger rows', async () => {
  await using database = await databaseBefore('0024');
  const { client } = database;
  await client.query(`
    insert into sighting (account_id, connection_id, folder_id, epoch, ref, state, rule)
    select account_id, connection_id, id, '1', number, 'skipped', 'no_contact' from folder, unnest('{1,2,3}'::text[]) number;
    insert into sighting_participant (account_id, sighting_id, hash, blind)
    select account_id, id, hash, blind from sighting join (values
      ('1', '\\x0a'::bytea, false), ('1', '\\x0b', true), ('2', '\\x0c', false)) as p (ref, hash, blind) using (ref)`);
  await migrate(database.url);
  const { rows } = await client.query(`
    select ref, (select array_agg(encode(h, 'hex') order by h) from unnest(strangers) h) as all, encode(blind_strangers[1], 'hex') as blind from sighting order by ref`);
  const { rows: counts } = await client.query('select total from sighting_count');
  await client.query(`update sighting set state = 'quarantined', rule = 'fetch_failed' where ref = '3'`);
  const { rows: counted } = await client.query('select total from sighting_count order by state');
  expect(rows).toEqual([
    { ref: '1', all: ['0a', '0b'], blind: '0b' },
    { ref: '2', all: ['0c'], blind: null },
    { ref: '3', all: null, blind: null },
  ]);
  expect(counts).toEqual([{ total: '3' }]);
  expect(counted).toEqual([{ total: '1' }, { total: '2' }]);
});

test('of decisions the former ones stay, and what is decided anew keeps them', async () => {
  await using database = await databaseBefore('0025');
  const { client } = database;
  await client.query(`
    with s as (insert into sighting (account_id, connection_id, folder_id, epoch, ref, state, rule, decided_at)
      select account_id, connection_id, id, '1', number, 'skipped', 'draft', number::timestamptz from folder, unnest('{2026-11-01,2026-11-02}'::text[]) number returning *)
    insert into decision (account_id, sighting_id, state, rule, at)
    select account_id, id, state, rule, decided_at from s
    union all select account_id, id, 'quarantined', 'fetch_failed', '2026-10-01' from s where ref = '2026-11-02'`);
  await migrate(database.url);
  const former = async () =>
    (
      await client.query(
        `select ref, d.rule, at::date::text from decision d join sighting on id = sighting_id order by at`,
      )
    ).rows;
  expect(await former()).toEqual([{ ref: '2026-11-02', rule: 'fetch_failed', at: '2026-10-01' }]);
  await client.query(
    `update sighting set decided_at = now(), rule = case ref when '2026-11-01' then 'no_contact' else rule end`,
  );
  expect(await former()).toEqual([
    { ref: '2026-11-02', rule: 'fetch_failed', at: '2026-10-01' },
    { ref: '2026-11-01', rule: 'draft', at: '2026-11-01' },
  ]);
});

test('maps from before listen since they last began to, and count as having listened since their trigger was first published', async () => {
  await using database = await databaseBefore('0028');
  const { client } = database;
  const graph = (...triggers: string[]) => ({ elements: triggers.map((id) => ({ id, kind: 'email_received' })) });
  for (const [name, state, liveSince, ...versions] of [
    ['added', 'published', '2026-11-02', graph('a'), graph('a', 'b')],
    ['listens', 'published', '2026-11-20', graph('a'), graph('a', 'b'), graph('b', 'a')],
    ['rests', 'paused', '2026-11-20', graph('a')],
    ['waits', 'draft', null],
  ] as const) {
    await client.query(
      `insert into map (account_id, name, draft, state, version, live_since) select id, $1, '{}', $2, $3, $4 from account`,
      [name, state, versions.length || null, liveSince],
    );
    for (const [at, version] of versions.entries())
      await client.query(
        `insert into map_version (account_id, map_id, version, graph, published_at)
        select account_id, id, $2, $3, date '2026-11-01' + $2::int - 1 from map where name = $1`,
        [name, at + 1, version],
      );
  }
  await migrate(database.url);
  const { rows } = await client.query(`
    select m.name, trigger_id, since::date::text, case until when applied_at then 'now' else until::date::text end as until
    from migration, listening_span s join map m on m.id = s.map_id where migration.name like '0028%'
    order by m.name, trigger_id, since`);
  expect(rows).toEqual([
    { name: 'added', trigger_id: 'a', since: '2026-11-01', until: '2026-11-02' },
    { name: 'added', trigger_id: 'a', since: '2026-11-02', until: null },
    { name: 'added', trigger_id: 'b', since: '2026-11-02', until: null },
    { name: 'listens', trigger_id: 'a', since: '2026-11-01', until: '2026-11-20' },
    { name: 'listens', trigger_id: 'a', since: '2026-11-20', until: null },
    { name: 'listens', trigger_id: 'b', since: '2026-11-02', until: '2026-11-20' },
    { name: 'listens', trigger_id: 'b', since: '2026-11-20', until: null },
    { name: 'rests', trigger_id: 'a', since: '2026-11-01', until: 'now' },
  ]);
});

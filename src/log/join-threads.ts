import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';

/** A message that was just stored, or left its thread (leave-threads.ts), with the hashes of its Message-ID and of those that it names (RFC 5322, 3.6.4). */
export interface NewMessage {
  id: string;
  references: readonly Buffer[];
  /** The key of the thread that it stays in, whatever it names. */
  staysIn?: string;
}

interface Thread {
  key: string;
  id: string;
  /** The lower, the older. */
  age: number;
  weight: number;
}

/** What belongs together: messages of the page, the references that they name, the threads that these are in already. */
interface Group {
  messageIds: string[];
  hashes: Set<string>;
  threads: Map<string, Thread>;
}

/**
 * Puts new messages into their threads: a constant number of statements. Threads that a message links become one, under the id of the older; the rows of
 * the lighter ones are rewritten, so that a row is rewritten at most log2(n) times in a thread of n. One transaction of an account
 * at a time joins threads, from here to its commit (docs/decisions/0013).
 */
export async function joinThreads(trx: Trx, accountId: string, messages: readonly NewMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await lockThreads(trx, accountId);
  const known = await findThreads(trx, accountId, messages);
  const stayedIn = await loadThreads(trx, accountId, messages);
  const groups = groupMessages(messages, known, stayedIn);
  const keys = await survivingKeys(trx, accountId, groups);
  await unite(trx, accountId, groups, keys, known);
  await insertReferences(trx, accountId, groups, keys, known);
  await sql`
    update message set thread_key = placed.key
    from unnest(${groups.flatMap((group) => group.messageIds)}::uuid[],
      ${groups.flatMap((group, i) => group.messageIds.map(() => keys[i]!))}::bigint[]) as placed (id, key)
    where message.account_id = ${accountId} and message.id = placed.id`.execute(trx);
}

/** Held until the transaction ends; who has it already gets it again. */
export async function lockThreads(trx: Trx, accountId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`threads:${accountId}`}, 0))`.execute(trx);
}

async function findThreads(trx: Trx, accountId: string, messages: readonly NewMessage[]): Promise<Map<string, Thread>> {
  const hashes = new Map(messages.flatMap((one) => one.references).map((hash) => [hash.toString('hex'), hash]));
  const { rows } = await sql<Thread & { hash: string }>`
    select encode(r.hash, 'hex') as hash, t.key, t.id, t.age::float8 as age, t.weight
    from thread_reference r join thread t on t.account_id = r.account_id and t.key = r.thread_key
    where r.account_id = ${accountId} and r.hash = any(${[...hashes.values()]}::bytea[])`.execute(trx);
  return new Map(rows.map(({ hash, ...thread }) => [hash, thread]));
}

/** The threads that messages stay in, by key. */
async function loadThreads(trx: Trx, accountId: string, messages: readonly NewMessage[]): Promise<Map<string, Thread>> {
  const keys = messages.flatMap(({ staysIn }) => staysIn ?? []);
  if (keys.length === 0) return new Map();
  const { rows } = await sql<Thread>`
    select key, id, age::float8 as age, weight from thread
    where account_id = ${accountId} and key = any(${keys}::bigint[])`.execute(trx);
  return new Map(rows.map((thread) => [thread.key, thread]));
}

/** Each message joins the group of any reference or thread that it shares. The smaller group is poured into the larger. */
function groupMessages(
  messages: readonly NewMessage[],
  known: ReadonlyMap<string, Thread>,
  stayedIn: ReadonlyMap<string, Thread>,
): Group[] {
  const groups = new Set<Group>();
  const ofHash = new Map<string, Group>();
  const ofThread = new Map<string, Group>();
  const own = (group: Group, { hashes, threads }: Pick<Group, 'hashes' | 'threads'>) => {
    for (const hash of hashes) ofHash.set(hash, group);
    for (const key of threads.keys()) ofThread.set(key, group);
  };
  const pour = (one: Group, other: Group): Group => {
    const [into, from] = one.hashes.size < other.hashes.size ? [other, one] : [one, other];
    groups.delete(from);
    into.messageIds.push(...from.messageIds);
    for (const hash of from.hashes) into.hashes.add(hash);
    for (const [key, thread] of from.threads) into.threads.set(key, thread);
    own(into, from);
    return into;
  };
  for (const { id, references, staysIn } of messages) {
    const hashes = new Set(references.map((hash) => hash.toString('hex')));
    const joined = [stayedIn.get(staysIn ?? ''), ...[...hashes].map((hash) => known.get(hash))];
    const threads = new Map(joined.flatMap((one) => one ?? []).map((one) => [one.key, one]));
    const shared = new Set([
      ...[...hashes].flatMap((hash) => ofHash.get(hash) ?? []),
      ...[...threads.keys()].flatMap((key) => ofThread.get(key) ?? []),
    ]);
    const group: Group = { messageIds: [id], hashes, threads };
    groups.add(group);
    own(group, group);
    [...shared].reduce((into, one) => pour(into, one), group);
  }
  return [...groups];
}

/** The key that each group's rows will have: of its heaviest thread, or of a new one. */
async function survivingKeys(trx: Trx, accountId: string, groups: readonly Group[]): Promise<string[]> {
  const fresh = groups.filter((group) => group.threads.size === 0);
  const ids = new Map(fresh.map((group) => [group, randomUUID() as string]));
  const keys = new Map<string, string>();
  if (fresh.length > 0) {
    const { rows } = await sql<{ key: string; id: string }>`
      insert into thread (account_id, id, weight) select ${accountId}, id, 0 from unnest(${[...ids.values()]}::uuid[]) as id
      returning key, id`.execute(trx);
    for (const { key, id } of rows) keys.set(id, key);
  }
  return groups.map((group) => keys.get(ids.get(group) ?? '') ?? heaviest(group).key);
}

function heaviest({ threads }: Group): Thread {
  return [...threads.values()].reduce((best, one) => (one.weight > best.weight ? one : best));
}

/** Moves the rows of lighter threads to the surviving one, which becomes the older one by name. Weights grow by what the page brings. */
async function unite(
  trx: Trx,
  accountId: string,
  groups: readonly Group[],
  keys: readonly string[],
  known: ReadonlyMap<string, Thread>,
): Promise<void> {
  const moves = groups.flatMap(({ threads }, i) =>
    [...threads.keys()].filter((key) => key !== keys[i]).map((from) => ({ from, to: keys[i]! })),
  );
  if (moves.length > 0) {
    const from = moves.map((move) => move.from);
    for (const table of ['message', 'thread_reference', 'former_thread']) {
      await sql`
        update ${sql.table(table)} named set thread_key = move.to_key
        from unnest(${from}::bigint[], ${moves.map((move) => move.to)}::bigint[]) as move (from_key, to_key)
        where named.account_id = ${accountId} and named.thread_key = move.from_key`.execute(trx);
    }
    await sql`delete from thread where account_id = ${accountId} and key = any(${from}::bigint[])`.execute(trx);
  }
  const grown = groups.map(({ messageIds, hashes, threads }, i) => {
    const joined = [...threads.values()];
    const oldest = oldestOf(joined);
    const fresh = hashes.size - [...hashes].filter((hash) => known.has(hash)).length;
    const weight = joined.reduce(
      (sum, one) => sum + one.weight,
      messageIds.length + fresh + Math.max(0, joined.length - 1),
    );
    return { key: keys[i]!, id: oldest?.id ?? null, age: oldest?.age ?? null, weight };
  });
  await keepFormerIds(trx, accountId, groups, keys);
  await sql`
    update thread set weight = grown.weight, id = coalesce(grown.id, thread.id), age = coalesce(grown.age, thread.age)
    from unnest(${grown.map((one) => one.key)}::bigint[], ${grown.map((one) => one.id)}::uuid[], ${grown.map((one) => one.age)}::bigint[],
      ${grown.map((one) => one.weight)}::int[]) as grown (key, id, age, weight)
    where thread.account_id = ${accountId} and thread.key = grown.key`.execute(trx);
}

function oldestOf(threads: readonly Thread[]): Thread | null {
  return threads.reduce<Thread | null>((best, one) => (best === null || one.age < best.age ? one : best), null);
}

/** Links to a thread that became part of an older one lead there. */
async function keepFormerIds(
  trx: Trx,
  accountId: string,
  groups: readonly Group[],
  keys: readonly string[],
): Promise<void> {
  const former = groups.flatMap(({ threads }, i) => {
    const joined = [...threads.values()];
    const oldest = oldestOf(joined);
    return joined.filter((one) => one !== oldest).map(({ id }) => ({ id, key: keys[i]! }));
  });
  if (former.length === 0) return;
  await sql`
    insert into former_thread (account_id, id, thread_key)
    select ${accountId}, * from unnest(${former.map((one) => one.id)}::uuid[], ${former.map((one) => one.key)}::bigint[])`.execute(
    trx,
  );
}

async function insertReferences(
  trx: Trx,
  accountId: string,
  groups: readonly Group[],
  keys: readonly string[],
  known: ReadonlyMap<string, Thread>,
): Promise<void> {
  const fresh = groups.flatMap(({ hashes }, i) =>
    [...hashes].filter((hash) => !known.has(hash)).map((hash) => ({ hash: Buffer.from(hash, 'hex'), key: keys[i]! })),
  );
  if (fresh.length === 0) return;
  await sql`
    insert into thread_reference (account_id, hash, thread_key)
    select ${accountId}, * from unnest(${fresh.map((one) => one.hash)}::bytea[], ${fresh.map((one) => one.key)}::bigint[])`.execute(
    trx,
  );
}

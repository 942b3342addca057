import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import type { Folder, Mailbox, Renamed, Stream } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider.ts';
import { readHead } from './candidate.ts';
import type { Hold } from './hold.ts';

/** How many of a folder's newest messages are compared. */
const compared = 3;

/** A folder that is its own stream, as on IMAP and Graph: labels of a whole mailbox have no numbering to go by. */
interface KnownFolder {
  id: string;
  ref: string;
  cursor: string;
  chosen: boolean;
}

/** The old and the new name of a folder. */
export interface Rename {
  from: string;
  to: string;
}

/**
 * Which of the folders that are no longer listed have got another name (edge case 21). Where the server has no id of the folder, one whose messages are in the
 * ledger must show one of them under its number; an empty one must be the only one that it can be. A chosen one may also have been numbered anew
 * (Courier does that): then its newest messages must all be there.
 */
export async function findRenames(hold: Hold, mailbox: Mailbox, folders: readonly Folder[]): Promise<Rename[]> {
  const { rows: known } = await sql<KnownFolder & { gone: boolean }>`
    select f.id, f.ref, coalesce(s.cursor, s.start_cursor) as cursor, f.chosen, f.gone_at is not null as gone
    from folder f join stream s on s.account_id = f.account_id and s.connection_id = f.connection_id and s.id = f.stream_id and s.ref = f.ref
    where f.account_id = ${hold.accountId} and f.connection_id = ${hold.connectionId}`.execute(hold.db);
  const listed = new Set(folders.map((folder) => folder.ref));
  const gone = new Map(
    known.filter((row) => !row.gone && row.cursor !== '' && !listed.has(row.ref)).map((row) => [row.ref, row]),
  );
  if (gone.size === 0) return [];
  const there = new Set(known.filter((row) => !row.gone).map((row) => row.ref));
  const appeared = folders.filter((folder) => folder.selectable && !there.has(folder.ref));
  if (appeared.length === 0) return [];
  const lost = [...gone.values()].map(({ ref, cursor }) => ({ stream: asStream(ref), cursor }));
  const found = await mailbox.renamed(lost, mailbox.streams(appeared));
  const renames: Rename[] = [];
  const taken = new Set<string>();
  const take = (folder: KnownFolder, to: Folder) => {
    taken.add(to.ref);
    gone.delete(folder.ref);
    renames.push({ from: folder.ref, to: to.ref });
  };
  for (const one of [...found].sort((a, b) => Number(b.sure) - Number(a.sure))) {
    const folder = gone.get(one.from.ref);
    const to = appeared.find(({ ref }) => ref === one.to.ref);
    if (!folder || !to || taken.has(to.ref)) continue;
    if (one.sure || (await readable(isSame(hold, mailbox, folder, to, found)))) take(folder, to);
  }
  for (const folder of [...gone.values()].filter(({ chosen }) => chosen)) {
    for (const to of appeared.filter(({ ref }) => !taken.has(ref))) {
      if (!(await readable(holdsTheSame(hold, mailbox, folder, to)))) continue;
      take(folder, to);
      break;
    }
  }
  return renames;
}

/** A new folder that can't be read must not keep the others from being read. */
async function readable(same: Promise<boolean>): Promise<boolean> {
  return await same.catch((error: unknown) => {
    if (error instanceof ProviderError && !error.reason && error.kind !== 'auth') return false;
    throw error;
  });
}

async function isSame(
  hold: Hold,
  mailbox: Mailbox,
  folder: KnownFolder,
  to: Folder,
  found: readonly Renamed[],
): Promise<boolean> {
  const { rows, range } = await newestOf(hold, folder);
  if (!range) return found.filter((one) => one.from.ref === folder.ref || one.to.ref === to.ref).length === 1;
  const expected = new Map(rows.map((row) => [`${row.epoch} ${row.ref}`, row.identity]));
  let alike = 0;
  for await (const page of mailbox.list(to, { ...range, cursor: folder.cursor })) {
    for (const { places, head } of page) {
      const identity = places.map(({ epoch, ref }) => expected.get(`${epoch} ${ref}`)).find((one) => one !== undefined);
      if (!identity || 'unreadable' in head) continue;
      if (readHead(hold, head).identity !== identity) return false;
      alike += 1;
    }
  }
  return alike > 0;
}

/** Its newest messages are all there, and among them none that the folder didn't have: another folder may hold copies, or (Gmail) the same. */
async function holdsTheSame(hold: Hold, mailbox: Mailbox, folder: KnownFolder, to: Folder): Promise<boolean> {
  const { rows, range } = await newestOf(hold, folder);
  if (!range) return false;
  const missing = new Set(rows.map((row) => row.identity));
  const known = await identitiesIn(hold, folder, range);
  for await (const page of mailbox.list(to, range)) {
    for (const { head } of page) {
      if ('unreadable' in head) continue;
      const identity = readHead(hold, head).identity!;
      if (!known.has(identity)) return false;
      missing.delete(identity);
    }
  }
  return missing.size === 0;
}

async function identitiesIn(
  hold: Hold,
  folder: KnownFolder,
  range: { since: Date; until: Date },
): Promise<Set<string>> {
  const { rows } = await sql<{ identity: string }>`
    select encode(identity, 'hex') as identity from sighting
    where account_id = ${hold.accountId} and folder_id = ${folder.id} and received_at >= ${range.since} and received_at < ${range.until}
      and identity is not null`.execute(hold.db);
  return new Set(rows.map(({ identity }) => identity));
}

/** The newest messages that the ledger has of a folder, and from when to just after when they were received; `range` is null for none. */
async function newestOf(hold: Hold, folder: KnownFolder) {
  const { rows } = await sql<{ epoch: string; ref: string; receivedAt: Date; identity: string }>`
    select s.epoch, s.ref, s.received_at as "receivedAt", encode(s.identity, 'hex') as identity
    from sighting s join folder f on f.account_id = s.account_id and f.id = s.folder_id and f.epoch = s.epoch
    where s.account_id = ${hold.accountId} and s.folder_id = ${folder.id} and s.vanished_at is null and s.superseded_at is null
      and s.received_at is not null and s.identity is not null
    order by s.received_at desc limit ${compared}`.execute(hold.db);
  const range = rows[0]
    ? {
        since: rows.at(-1)!.receivedAt,
        until: new Date(rows[0].receivedAt.getTime() + 1),
      }
    : null;
  return { rows, range };
}

/**
 * Gives folders and their streams their new names; choice, cursor and ledger stay. An older row that has the name, of a folder that is gone, gets the old
 * one in exchange.
 */
export async function rename(trx: Trx, hold: Hold, renames: readonly Rename[]): Promise<void> {
  for (const { from, to } of renames) {
    for (const table of [sql.table('stream'), sql.table('folder')]) {
      const set = (before: string, after: string) =>
        sql`update ${table} set ref = ${after} where account_id = ${hold.accountId} and connection_id = ${hold.connectionId} and ref = ${before}`.execute(
          trx,
        );
      // No name of a folder has control characters.
      const aside = `\u0001${from}`;
      await set(to, aside);
      await set(from, to);
      await set(aside, from);
    }
  }
}

function asStream(ref: string): Stream {
  return { ref, folders: [ref] };
}

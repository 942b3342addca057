import { sql } from 'kysely';
import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';
import type { Folder, Mailbox } from '../providers/provider.ts';
import { findRenames, rename } from './renames.ts';
import { inHold } from './hold.ts';
import type { Hold } from './hold.ts';

interface FolderRow {
  id: string;
  ref: string;
  name: string;
  role: string | null;
  selectable: boolean;
  stream_id: string | null;
  gone_at: Date | null;
}

/**
 * Brings the connection's folders to what the mailbox has now. A new one isn't chosen, and its stream begins at '': all that is in it came there after the
 * connection's start. One that is renamed stays what it is. One
 * that is gone keeps its ledger and comes back by itself.
 */
export async function refreshFolders(hold: Hold, mailbox: Mailbox): Promise<void> {
  const folders = await mailbox.folders();
  // No mailbox is without folders: a hiccup of the server.
  if (folders.length === 0) return;
  const streamOf = new Map<string, string>();
  for (const stream of mailbox.streams(folders.filter((folder) => folder.selectable)))
    for (const ref of stream.folders) streamOf.set(ref, stream.ref);
  const renames = await findRenames(hold, mailbox, folders);
  await inHold(hold, async (trx) => {
    await rename(trx, hold, renames);
    const known = await trx
      .selectFrom('folder')
      .select(['id', 'ref', 'name', 'role', 'selectable', 'stream_id', 'gone_at'])
      .where('account_id', '=', hold.accountId)
      .where('connection_id', '=', hold.connectionId)
      .execute();
    const changed =
      renames.length +
      (await writeFolders(trx, hold, folders, known, streamOf)) +
      (await markGone(trx, hold, folders, known));
    if (changed === 0) return;
    const { accountId, connectionId } = hold;
    await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
  });
}

async function writeFolders(
  trx: Trx,
  hold: Hold,
  folders: readonly Folder[],
  known: readonly FolderRow[],
  streamOf: ReadonlyMap<string, string>,
): Promise<number> {
  const rows = new Map(known.map((row) => [row.ref, row]));
  const changed = folders.filter((folder) => {
    const row = rows.get(folder.ref);
    return (
      !row ||
      row.gone_at !== null ||
      row.name !== folder.name ||
      row.role !== folder.role ||
      row.selectable !== folder.selectable ||
      (row.stream_id === null && streamOf.has(folder.ref))
    );
  });
  if (changed.length === 0) return 0;
  const refs = [...new Set(changed.flatMap((folder) => streamOf.get(folder.ref) ?? []))];
  await sql`
    insert into stream (account_id, connection_id, ref, start_cursor)
    select ${hold.accountId}, ${hold.connectionId}, ref, '' from unnest(${refs}::text[]) as ref
    on conflict (account_id, connection_id, ref) do nothing`.execute(trx);
  await sql`
    insert into folder (account_id, connection_id, stream_id, ref, name, role, selectable)
    select ${hold.accountId}, ${hold.connectionId}, s.id, f.ref, f.name, f.role, f.selectable and s.id is not null
    from json_to_recordset(${JSON.stringify(changed.map((folder) => ({ ...folder, stream: streamOf.get(folder.ref) ?? null })))}::json)
      as f(ref text, name text, role text, selectable boolean, stream text)
    left join stream s on s.account_id = ${hold.accountId} and s.connection_id = ${hold.connectionId} and s.ref = f.stream
    on conflict (account_id, connection_id, ref) do update
      set name = excluded.name, role = excluded.role, selectable = excluded.selectable, gone_at = null,
        stream_id = coalesce(folder.stream_id, excluded.stream_id)`.execute(trx);
  return changed.length;
}

async function markGone(
  trx: Trx,
  hold: Hold,
  folders: readonly Folder[],
  known: readonly FolderRow[],
): Promise<number> {
  const there = new Set(folders.map((folder) => folder.ref));
  const gone = known.filter((row) => row.gone_at === null && !there.has(row.ref));
  if (gone.length === 0) return 0;
  await sql`update folder set gone_at = now() where account_id = ${hold.accountId} and id = any(${gone.map((row) => row.id)}::uuid[])`.execute(
    trx,
  );
  return gone.length;
}

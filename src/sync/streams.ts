import { sql } from 'kysely';
import { isUnsteady } from '../connections/unsteady.ts';
import type { Db } from '../db/open.ts';
import type { FolderRole, Stream } from '../providers/provider.ts';

export interface StreamFolder {
  id: string;
  ref: string;
  role: FolderRole | null;
  chosen: boolean;
  /** Of a folder that was ticked later than at connecting. */
  chosenCursor: string | null;
  /** When that was; milliseconds since the epoch. */
  chosenAt: number | null;
  epoch: string;
  /** The server renumbers it all the time (connections/unsteady.ts). */
  unsteady: boolean;
}

/** A stream with at least one chosen folder, as the database has it. */
export interface SyncStream {
  id: string;
  ref: string;
  /** '': the stream came into being after the connection's start, so all that is in it is new. */
  startCursor: string;
  /** Null: not read yet. */
  cursor: string | null;
  lastSyncedAt: Date | null;
  /** By ref. */
  folders: ReadonlyMap<string, StreamFolder>;
}

/** Of `folder f`. */
export const chosenAt = sql<number | null>`floor(extract(epoch from f.chosen_at) * 1000)::float8`;

/** The connection's streams that are to be read, or only the one with this ref. */
export async function loadStreams(
  db: Db,
  accountId: string,
  connectionId: string,
  ref: string | null = null,
): Promise<SyncStream[]> {
  const { rows } = await sql<Omit<SyncStream, 'folders'> & { folders: StreamFolder[] }>`
    select s.id, s.ref, s.start_cursor as "startCursor", s.cursor, s.last_synced_at as "lastSyncedAt",
      json_agg(json_build_object('id', f.id, 'ref', f.ref, 'role', f.role, 'chosen', f.chosen and f.gone_at is null,
        'chosenCursor', f.chosen_cursor, 'chosenAt', ${chosenAt}, 'epoch', f.epoch, 'unsteady', ${isUnsteady})) as folders
    from stream s
    join folder f on f.account_id = s.account_id and f.connection_id = s.connection_id and f.stream_id = s.id
    where s.account_id = ${accountId} and s.connection_id = ${connectionId} and (${ref}::text is null or s.ref = ${ref})
    group by s.account_id, s.id having bool_or(f.chosen and f.gone_at is null)
    order by bool_or(f.role = 'inbox') desc nulls last, s.ref`.execute(db);
  return rows.map(({ folders, ...stream }) => ({
    ...stream,
    folders: new Map(folders.map((folder) => [folder.ref, folder])),
  }));
}

/** The stream as providers know it. */
export function asStream(stream: SyncStream): Stream {
  return { ref: stream.ref, folders: [...stream.folders.keys()] };
}

import type { Db, Trx } from '../db/open.ts';
import type { FolderRole } from '../providers/provider.ts';
import { noConnection } from './access.ts';
import { loadHealth } from './health.ts';
import type { Warning } from './health.ts';
import { isUnsteady } from './unsteady.ts';
import { shownState } from './state.ts';

/** Ledger rows of the current epochs. */
export interface Counts {
  logged: number;
  skipped: number;
  quarantined: number;
}

export interface ConnectionFolder {
  id: string;
  ref: string;
  name: string;
  role: FolderRole | null;
  selectable: boolean;
  chosen: boolean;
  /** Ticked for the user at connecting (spec C3). */
  proposed: boolean;
  /** No longer in the mailbox; it comes back by itself. */
  gone: boolean;
  /** The server renumbers it all the time (unsteady.ts). */
  unsteady: boolean;
  counts: Counts;
}

/**
 * Whose word counts about a mailbox's senders: its own server's, under the name that was found out (null: not yet) or that a person gave; off: nobody's (mail/verdict.ts).
 */
export interface SenderCheck {
  by: 'learned' | 'given' | 'off';
  authservId: string | null;
}

export interface Connection {
  id: string;
  provider: string;
  address: string;
  owner: { id: string; name: string } | null;
  state: 'connecting' | 'importing' | 'active' | 'catching_up' | 'paused' | 'needs_sign_in' | 'failing';
  stateCode: string | null;
  stateMessage: string | null;
  stateSince: Date;
  nextTryAt: Date | null;
  sharing: 'everything' | 'private';
  senderCheck: SenderCheck;
  startedAt: Date;
  lastSyncedAt: Date | null;
  lastAuthenticatedAt: Date | null;
  settings: unknown;
  folders: ConnectionFolder[];
  counts: Counts;
  health: Warning[];
}

/** A connection for whoever has been let through by requireConnection(). Throws AppError 'not_found'. */
export async function viewConnection(db: Db | Trx, accountId: string, connectionId: string): Promise<Connection> {
  const [connection] = await viewConnections(db, accountId, [connectionId]);
  if (!connection) throw noConnection();
  return connection;
}

/** These connections in the order of the ids, without the deleted ones. Four queries, however many. */
export async function viewConnections(
  db: Db | Trx,
  accountId: string,
  connectionIds: readonly string[],
): Promise<Connection[]> {
  if (connectionIds.length === 0) return [];
  const rows = await db
    .selectFrom('connection as c')
    .leftJoin('user as u', 'u.id', 'c.user_id')
    .where('c.account_id', '=', accountId)
    .where('c.id', 'in', connectionIds)
    .where('c.deleted_at', 'is', null)
    .select([
      'c.id',
      'c.provider',
      'c.address',
      shownState.as('state'),
      'c.state_code as stateCode',
      'c.state_message as stateMessage',
      'c.state_since as stateSince',
      'c.next_try_at as nextTryAt',
      'c.sharing',
      'c.started_at as startedAt',
      'c.last_synced_at as lastSyncedAt',
      'c.last_authenticated_at as lastAuthenticatedAt',
      'c.settings',
      'c.sender_check as checkedBy',
      'c.authserv_id as authservId',
      'c.user_id as ownerId',
      'u.name as ownerName',
    ])
    .execute();
  const counts = await countSightings(db, accountId, connectionIds);
  const folders = await loadFolders(db, accountId, connectionIds);
  const health = await loadHealth(db, accountId, connectionIds);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return connectionIds.flatMap((id) => {
    const row = byId.get(id);
    if (!row) return [];
    const { ownerId, ownerName, checkedBy, authservId, ...connection } = row;
    const own = counts.filter((count) => count.connectionId === id);
    return {
      ...connection,
      senderCheck: { by: checkedBy, authservId },
      owner: ownerId === null ? null : { id: ownerId, name: ownerName ?? '' },
      folders: folders
        .filter((folder) => folder.connectionId === id)
        .map((folder) => ({
          id: folder.id,
          ref: folder.ref,
          name: folder.name,
          role: folder.role,
          selectable: folder.selectable,
          chosen: folder.chosen,
          proposed: folder.selectable && (folder.role === 'inbox' || folder.role === 'sent'),
          gone: folder.gone,
          unsteady: folder.unsteady,
          counts: sum(own.filter((count) => count.folderId === folder.id)),
        })),
      counts: sum(own),
      health: health.get(id) ?? [],
    };
  });
}

interface Count {
  connectionId: string;
  folderId: string;
  state: keyof Counts;
  count: number;
}

/** By folder and state. */
async function countSightings(db: Db | Trx, accountId: string, connectionIds: readonly string[]): Promise<Count[]> {
  const rows = await db
    .selectFrom('sighting_count')
    .where('account_id', '=', accountId)
    .where('connection_id', 'in', connectionIds)
    .select(['connection_id as connectionId', 'folder_id as folderId', 'state', 'total'])
    .execute();
  return rows.map(({ total, ...row }) => ({ ...row, count: Number(total) }));
}

/** Folders that are gone are listed only while they are chosen. */
async function loadFolders(db: Db | Trx, accountId: string, connectionIds: readonly string[]) {
  return await db
    .selectFrom('folder as f')
    .where('account_id', '=', accountId)
    .where('connection_id', 'in', connectionIds)
    .where((eb) => eb.or([eb('gone_at', 'is', null), eb('chosen', '=', true)]))
    .orderBy('name')
    .orderBy('id')
    .select(['connection_id as connectionId', 'id', 'ref', 'name', 'role', 'selectable', 'chosen'])
    .select((eb) => [eb('gone_at', 'is not', null).$castTo<boolean>().as('gone'), isUnsteady.as('unsteady')])
    .execute();
}

function sum(counts: readonly Count[]): Counts {
  const total = { logged: 0, skipped: 0, quarantined: 0 };
  for (const { state, count } of counts) total[state] += count;
  return total;
}

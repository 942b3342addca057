import { requireEmailSync } from '../accounts/plan.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';
import type { MailboxDeps } from './deps.ts';
import { openCredentials } from './load.ts';
import { withMailbox } from './open-mailbox.ts';
import { viewConnection } from './view.ts';
import type { Connection } from './view.ts';

/**
 * Chooses the folders to sync; the first time it makes the connection active. A folder ticked later gets its stream's cursor of now as chosen_cursor, and chosen_at: what
 * lay in it by then is caught up as "late folder". An unticked one keeps its cursor and its ledger. Only the mailbox's owner. Throws AppError:
 * not_found, forbidden, plan_required, invalid (no folder, or one that can't be chosen), conflict, and what withMailbox() throws.
 */
export async function chooseFolders(
  db: Db,
  deps: MailboxDeps,
  viewer: Viewer,
  connectionId: string,
  folderIds: readonly string[],
): Promise<Connection> {
  const connection = await requireConnection(db, viewer, connectionId, { as: 'owner' });
  requireEmailSync(viewer);
  const wanted = new Set(folderIds);
  const added = newlyChosen(await loadFolders(db, viewer.accountId, connectionId), wanted);
  const first = connection.state === 'connecting';
  // Servers lock out who repeats a password that they refused.
  if (added.length > 0 && connection.state === 'needs_sign_in')
    throw new AppError('conflict', 'Sign in to the mailbox again, then choose more folders.');
  const cursors = first || added.length === 0 ? new Map<string, string>() : await startCursors(deps, connection, added);
  return await db.transaction().execute(async (trx) => {
    const locked = await requireConnection(trx, viewer, connectionId, { as: 'owner', lock: true });
    const folders = await loadFolders(trx, viewer.accountId, connectionId);
    const missing = newlyChosen(folders, wanted).some((folder) => !cursors.has(folder.id));
    if (locked.state !== 'connecting' && missing) {
      throw new AppError(
        'conflict',
        'The folders were changed by somebody else at the same time. Look again, then save.',
      );
    }
    for (const folder of folders) {
      if (folder.chosen === wanted.has(folder.id)) continue;
      await trx
        .updateTable('folder')
        .set({
          chosen: wanted.has(folder.id),
          ...(cursors.has(folder.id) ? { chosen_cursor: cursors.get(folder.id)!, chosen_at: new Date() } : {}),
        })
        .where('account_id', '=', viewer.accountId)
        .where('id', '=', folder.id)
        .execute();
    }
    if (locked.state === 'connecting') await activate(trx, viewer.accountId, connectionId);
    await notify(trx, 'letterlog_connection', { accountId: viewer.accountId, connectionId });
    await notify(trx, 'letterlog_change', { accountId: viewer.accountId, kind: 'connection', connectionId });
    return await viewConnection(trx, viewer.accountId, connectionId);
  });
}

interface FolderRow {
  id: string;
  ref: string;
  name: string;
  selectable: boolean;
  chosen: boolean;
  stream_id: string | null;
}

async function loadFolders(db: Db | Trx, accountId: string, connectionId: string): Promise<FolderRow[]> {
  return await db
    .selectFrom('folder')
    .select(['id', 'ref', 'name', 'selectable', 'chosen', 'stream_id'])
    .where('account_id', '=', accountId)
    .where('connection_id', '=', connectionId)
    .where('gone_at', 'is', null)
    .execute();
}

/** Of the wanted folders those that aren't chosen yet. Throws AppError 'invalid' for one that can't be. */
function newlyChosen(folders: readonly FolderRow[], wanted: ReadonlySet<string>): FolderRow[] {
  if (wanted.size === 0) throw invalid('Choose at least one folder. To stop syncing, pause the connection.');
  const known = new Map(folders.map((folder) => [folder.id, folder]));
  const rows = [...wanted].map((id) => {
    const folder = known.get(id);
    if (!folder) throw invalid("One of the folders isn't in this mailbox any more. Reload and choose again.");
    if (!folder.selectable || !folder.stream_id) {
      throw invalid(`The folder “${folder.name}” holds no mail itself. Choose the folders inside it.`);
    }
    return folder;
  });
  return rows.filter((folder) => !folder.chosen);
}

/** The streams' cursors of now, by the id of the folder. */
async function startCursors(
  deps: MailboxDeps,
  connection: { account_id: string; id: string; provider: string; settings: unknown; credentials: Buffer | null },
  folders: readonly FolderRow[],
): Promise<Map<string, string>> {
  const { account_id: accountId, id, provider, settings } = connection;
  const credentials = openCredentials(deps.sealer, accountId, id, connection.credentials!);
  return await withMailbox(deps, { provider, settings, credentials }, async (mailbox) => {
    const streams = mailbox.streams((await mailbox.folders()).filter((folder) => folder.selectable));
    const cursors = new Map<string, string>();
    for (const folder of folders) {
      const stream = streams.find((one) => one.folders.includes(folder.ref));
      if (!stream) throw invalid(`The folder “${folder.name}” is no longer in the mailbox. Reload and choose again.`);
      cursors.set(folder.id, await mailbox.start(stream));
    }
    return cursors;
  });
}

async function activate(trx: Trx, accountId: string, connectionId: string): Promise<void> {
  await trx
    .updateTable('connection')
    .set({ state: 'active', state_code: null, state_message: null, state_since: new Date(), next_try_at: null })
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .execute();
}

function invalid(message: string): AppError {
  return new AppError('invalid', message, { details: [{ path: 'folderIds', message }] });
}

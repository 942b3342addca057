import type { Db, Trx } from '../db/open.ts';
import type { Sealer } from '../accounts/seal.ts';

/** A connection as syncing needs it. The credentials are in clear: hand them to the provider and to nothing else. */
export interface SyncConnection {
  accountId: string;
  id: string;
  provider: string;
  address: string;
  settings: unknown;
  credentials: unknown;
  startedAt: Date;
  fence: string;
}

/** What a connection's sealed credentials are bound to: copied to another row they can't be opened. */
export function credentialsOf(accountId: string, connectionId: string): string {
  return `connection:${accountId}:${connectionId}`;
}

/** Settings and opened credentials of a connection that may be synced; null where it is gone, paused or waits for a sign-in. */
export async function loadForSync(
  db: Db | Trx,
  sealer: Sealer,
  accountId: string,
  connectionId: string,
): Promise<SyncConnection | null> {
  const row = await db
    .selectFrom('connection')
    .select(['provider', 'address', 'settings', 'credentials', 'started_at', 'fence'])
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .where('state', 'in', ['active', 'failing'])
    .executeTakeFirst();
  if (!row?.credentials) return null;
  return {
    accountId,
    id: connectionId,
    provider: row.provider,
    address: row.address,
    settings: row.settings,
    credentials: openCredentials(sealer, accountId, connectionId, row.credentials),
    startedAt: row.started_at,
    fence: row.fence,
  };
}

/** Opens sealed credentials. Throws AppError 'internal' when the installation's key is another one. */
export function openCredentials(sealer: Sealer, accountId: string, connectionId: string, sealed: Uint8Array): unknown {
  return JSON.parse(sealer.open(sealed, credentialsOf(accountId, connectionId)).toString());
}

/** Seals credentials for their row. */
export function sealCredentials(sealer: Sealer, accountId: string, connectionId: string, credentials: unknown): Buffer {
  return sealer.seal(JSON.stringify(credentials), credentialsOf(accountId, connectionId));
}

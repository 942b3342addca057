import { sql } from 'kysely';
import { accountKey } from '../accounts/account-key.ts';
import { loadAsked } from '../connections/history.ts';
import type { SyncConnection } from '../connections/load.ts';
import { loadForSync } from '../connections/load.ts';
import { loadTrust } from '../connections/sender-check.ts';
import { prepared } from '../db/open.ts';
import type { SyncDeps } from './deps.ts';
import type { Hold } from './hold.ts';

/**
 * Takes a connection over: its fence is raised by one, and whoever held it before can commit nothing any more. Null where it may not be synced: gone, paused,
 * waiting for a sign-in, or leased to another process.
 */
export async function claim(
  deps: Pick<
    SyncDeps,
    'db' | 'providers' | 'leased' | 'sealer' | 'blobs' | 'parser' | 'senderChecks' | 'fire' | 'storing'
  >,
  accountId: string,
  connectionId: string,
): Promise<{ hold: Hold; connection: SyncConnection } | null> {
  const { db, sealer } = deps;
  const fence = await db.transaction().execute(async (trx) => {
    // The connection's row before its lease, as whoever deletes it does.
    const wanted = await trx
      .selectFrom('connection')
      .select('id')
      .where('account_id', '=', accountId)
      .where('id', '=', connectionId)
      .where('state', 'in', ['active', 'failing'])
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (!wanted || !(await deps.leased(trx, accountId, connectionId))) return null;
    const { rows } = await sql<{ fence: string }>`
      update connection set fence = fence + 1
      where account_id = ${accountId} and id = ${connectionId}
      returning fence`.execute(trx);
    return rows[0]?.fence ?? null;
  });
  if (fence === null) return null;
  const connection = await loadForSync(db, sealer, accountId, connectionId);
  if (!connection) return null;
  const own = await db
    .selectFrom('connection_address')
    .select('address_key')
    .where('account_id', '=', accountId)
    .where('connection_id', '=', connectionId)
    .execute();
  const hold: Hold = {
    db,
    live: prepared(db),
    blobs: deps.blobs,
    parser: deps.parser,
    senderChecks: deps.senderChecks,
    fire: deps.fire,
    storing: deps.storing,
    accountId,
    connectionId,
    // Not the fence as loaded: another may have raised it since.
    fence,
    startedAt: connection.startedAt,
    trust: await loadTrust(db, accountId, connectionId),
    knownAuthserv: deps.providers[connection.provider]?.authserv?.(connection.settings) ?? null,
    history: await loadAsked(db, accountId, connectionId),
    hashKey: await accountKey(db, sealer, accountId),
    ownKeys: new Set(own.map((row) => row.address_key)),
  };
  return { hold, connection };
}

import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { Trust } from '../mail/verdict.ts';
import { requireConnection } from './access.ts';
import { viewConnection } from './view.ts';
import type { Connection } from './view.ts';

/** An authserv-id that a person may give (RFC 8601, section 2.5: mostly a host name); "*." before it stands for all hosts of the domain. */
export const authservIdPattern = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/i;

/**
 * Sets whose word counts about the senders of a connection's mail from now on (its owner and admins). 'learned' forgets what was found out, and looks again.
 * Throws AppError: not_found, invalid.
 */
export async function setSenderCheck(
  db: Db,
  viewer: Viewer,
  connectionId: string,
  check: { by: 'learned' } | { by: 'given'; authservId: string } | { by: 'off' },
): Promise<Connection> {
  const authservId = check.by === 'given' ? check.authservId.trim().toLowerCase() : null;
  if (authservId !== null && !authservIdPattern.test(authservId)) {
    throw new AppError(
      'invalid',
      'This is no name of a server. It looks like mx.example.com, and *.example.com stands for all of its hosts.',
      {
        details: [{ path: 'senderCheck.authservId', message: 'is no name of a server' }],
      },
    );
  }
  return await db.transaction().execute(async (trx) => {
    await requireConnection(trx, viewer, connectionId, { as: 'manager', lock: true });
    await trx
      .updateTable('connection')
      .set({ sender_check: check.by, authserv_id: authservId, authserv_looked_at: null })
      .where('account_id', '=', viewer.accountId)
      .where('id', '=', connectionId)
      .execute();
    await notify(trx, 'letterlog_connection', { accountId: viewer.accountId, connectionId, only: 'work' });
    await notify(trx, 'letterlog_change', { accountId: viewer.accountId, kind: 'connection', connectionId });
    return await viewConnection(trx, viewer.accountId, connectionId);
  });
}

/** A connection as it was taken over. */
interface Held {
  accountId: string;
  connectionId: string;
  fence: string;
}

/** Whose word counts for a connection's mail; null: nobody's. */
export async function loadTrust(db: Db | Trx, accountId: string, connectionId: string): Promise<Trust | null> {
  const row = await db
    .selectFrom('connection')
    .select(['sender_check', 'authserv_id', 'address_key', 'settings'])
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .executeTakeFirst();
  if (!row || row.sender_check === 'off') return null;
  const { host } = row.settings as { host?: unknown };
  const domain = row.address_key.slice(row.address_key.lastIndexOf('@') + 1);
  return { authserv: row.authserv_id, hosts: [domain, ...(typeof host === 'string' ? [host] : [])] };
}

/** Who is to look for the name writes it down first: seldom enough (`everyHours`), since it costs hundreds of heads. False: somebody did. */
export async function beginLooking(
  db: Db,
  { accountId, connectionId, fence }: Held,
  everyHours: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('connection')
    .set({ authserv_looked_at: sql<Date>`now()` })
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .where('fence', '=', fence)
    .where(sql<boolean>`coalesce(authserv_looked_at < now() - make_interval(hours => ${everyHours}), true)`)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/**
 * Notes the name that was found out, unless one is known already or a person decided meanwhile: what arrives later never changes it. By a fence of before, it was
 * found in another server's mail.
 */
export async function noteLearned(db: Db, { accountId, connectionId, fence }: Held, authservId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('connection')
      .set({ authserv_id: authservId })
      .where('account_id', '=', accountId)
      .where('id', '=', connectionId)
      .where('fence', '=', fence)
      .where('sender_check', '=', 'learned')
      .where('authserv_id', 'is', null)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
  });
}

import { hasRole } from '../accounts/require-role.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';

/**
 * A connection for whom it may be shown to: its owner and the account's admins (spec C2); to others it isn't there. `as: 'owner'`: only the owner may go
 * on, since only the mailbox's owner signs in, chooses folders and shares. `lock` locks the row until the transaction ends. Throws AppError 'not_found' or 'forbidden'.
 */
export async function requireConnection(
  db: Db | Trx,
  viewer: Viewer,
  connectionId: string,
  options: { as: 'owner' | 'manager'; lock?: boolean },
) {
  let query = db
    .selectFrom('connection')
    .selectAll()
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', connectionId)
    .where('deleted_at', 'is', null);
  if (options.lock) query = query.forUpdate();
  const row = await query.executeTakeFirst();
  const own = row?.user_id === viewer.userId;
  if (!row || (!own && !hasRole(viewer.role, 'admin'))) throw noConnection();
  if (own || options.as === 'manager') return row;
  throw new AppError(
    'forbidden',
    "Only the mailbox's owner may do this. Administrators may pause or delete the connection.",
  );
}

export function noConnection(): AppError {
  return new AppError('not_found', 'There is no such connection. It may have been deleted.');
}

import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';

/** Lets a failing connection be tried at once instead of at its next try (its owner and admins). Throws AppError: not_found, conflict (it isn't failing). */
export async function tryNow(db: Db, viewer: Viewer, connectionId: string): Promise<void> {
  const { state } = await requireConnection(db, viewer, connectionId, { as: 'manager' });
  if (state !== 'failing')
    throw new AppError('conflict', 'This connection isn’t waiting for its next try. Reload to see how it is.');
  await notify(db, 'letterlog_connection', { accountId: viewer.accountId, connectionId });
}

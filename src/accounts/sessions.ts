import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';

/** The account that a session is in from now on. Throws AppError 'not_found' unless the user is a member of it. */
export async function setActiveAccount(
  db: Db,
  change: { sessionId: string; userId: string; accountId: string },
): Promise<void> {
  const row = await db
    .updateTable('session')
    .set({ active_account_id: change.accountId })
    .where('id', '=', change.sessionId)
    .where('user_id', '=', change.userId)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('member')
          .where('member.account_id', '=', change.accountId)
          .where('member.user_id', '=', change.userId)
          .select('member.id'),
      ),
    )
    .returning('id')
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such account, or you are not a member of it.');
}

/** Whether a session still lasts. */
export async function sessionLasts(db: Db, sessionId: string): Promise<boolean> {
  const row = await db
    .selectFrom('session')
    .where('id', '=', sessionId)
    .where('expires_at', '>', new Date())
    .select('id')
    .executeTakeFirst();
  return row !== undefined;
}

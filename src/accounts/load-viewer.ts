import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { Viewer } from './viewer.ts';

/**
 * The user as a member of the account; unless it must be 'only' that one, of the one they joined first where `accountId` is null or
 * they are no longer in it. Throws AppError 'forbidden' for a user without any account.
 */
export async function loadViewer(
  db: Db,
  userId: string,
  accountId: string | null,
  which: 'only' | 'any' = 'any',
): Promise<Viewer> {
  const rows = await db
    .selectFrom('member as m')
    .innerJoin('account as a', 'a.id', 'm.account_id')
    .innerJoin('user as u', 'u.id', 'm.user_id')
    .where('m.user_id', '=', userId)
    .select(['m.account_id', 'm.role', 'a.plan', 'a.zone', 'u.zone as user_zone'])
    .orderBy('m.created_at')
    .orderBy('m.id')
    .execute();
  const row = rows.find((candidate) => candidate.account_id === accountId) ?? (which === 'any' ? rows[0] : undefined);
  if (!row) {
    throw new AppError('forbidden', 'You are not a member of any account here.', {
      hint: 'Ask an admin for an invitation.',
    });
  }
  return { accountId: row.account_id, userId, role: row.role, plan: row.plan, zone: row.user_zone ?? row.zone };
}

import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireRole } from './require-role.ts';
import type { Plan, Role, Viewer } from './viewer.ts';
import { requireZone } from './zone.ts';

export interface Account {
  id: string;
  name: string;
  plan: Plan;
  zone: string;
  fallbackUserId: string | null;
}

export async function loadAccount(db: Db | Trx, accountId: string): Promise<Account> {
  const row = await db
    .selectFrom('account')
    .where('id', '=', accountId)
    .select(['id', 'name', 'plan', 'zone', 'fallback_user_id'])
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such account.');
  return { id: row.id, name: row.name, plan: row.plan, zone: row.zone, fallbackUserId: row.fallback_user_id };
}

/** The accounts that the user is a member of, in the order of joining. */
export async function listAccountsOf(db: Db, userId: string): Promise<{ id: string; name: string; role: Role }[]> {
  return db
    .selectFrom('member as m')
    .innerJoin('account as a', 'a.id', 'm.account_id')
    .where('m.user_id', '=', userId)
    .select(['a.id', 'a.name', 'm.role'])
    .orderBy('m.created_at')
    .orderBy('m.id')
    .execute();
}

/** Admins change name, zone and fallback user; owners the plan too. Throws AppError 'forbidden' or 'invalid'. */
export async function updateAccount(
  trx: Trx,
  viewer: Viewer,
  change: { name?: string; zone?: string; plan?: Plan; fallbackUserId?: string | null },
): Promise<Account> {
  requireRole(viewer, change.plan === undefined ? 'admin' : 'owner');
  if (change.zone !== undefined) requireZone(change.zone);
  if (change.fallbackUserId) await requireMember(trx, viewer.accountId, change.fallbackUserId);
  const set = {
    ...(change.name === undefined ? {} : { name: change.name.trim() }),
    ...(change.zone === undefined ? {} : { zone: change.zone }),
    ...(change.plan === undefined ? {} : { plan: change.plan }),
    ...(change.fallbackUserId === undefined ? {} : { fallback_user_id: change.fallbackUserId }),
  };
  if (Object.keys(set).length > 0)
    await trx.updateTable('account').set(set).where('id', '=', viewer.accountId).execute();
  return loadAccount(trx, viewer.accountId);
}

async function requireMember(trx: Trx, accountId: string, userId: string): Promise<void> {
  const row = await trx
    .selectFrom('member')
    .where('account_id', '=', accountId)
    .where('user_id', '=', userId)
    .select('user_id')
    .executeTakeFirst();
  if (row) return;
  throw new AppError('invalid', 'fallbackUserId: Choose a member of this account.', {
    details: [{ path: 'fallbackUserId', message: 'is not a member of this account' }],
  });
}

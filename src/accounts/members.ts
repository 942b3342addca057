import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { hasRole } from './require-role.ts';
import type { Role, Viewer } from './viewer.ts';

export interface Member {
  userId: string;
  name: string;
  email: string;
  role: Role;
  /** Null: the account's. */
  zone: string | null;
}

export async function listMembers(db: Db | Trx, accountId: string): Promise<Member[]> {
  const rows = await db
    .selectFrom('member as m')
    .innerJoin('user as u', 'u.id', 'm.user_id')
    .where('m.account_id', '=', accountId)
    .select(['u.id', 'u.name', 'u.email', 'm.role', 'u.zone'])
    .orderBy(sql`lower(u.name)`)
    .orderBy('u.id')
    .execute();
  return rows.map((row) => ({ userId: row.id, name: row.name, email: row.email, role: row.role, zone: row.zone }));
}

/**
 * Admins change the roles of members and admins; owners everybody's. Throws AppError 'forbidden', 'not_found', or 'conflict' where the
 * account would lose its last owner.
 */
export async function changeRole(db: Db, viewer: Viewer, userId: string, role: Role): Promise<Member> {
  return db.transaction().execute(async (trx) => {
    const current = await lockMember(trx, viewer, userId);
    requireMay(viewer, current);
    if (!hasRole(viewer.role, role)) throw new AppError('forbidden', 'Only an owner can make somebody an owner.');
    if (current === 'owner' && role !== 'owner') await requireAnotherOwner(trx, viewer.accountId, userId);
    await trx
      .updateTable('member')
      .set({ role })
      .where('account_id', '=', viewer.accountId)
      .where('user_id', '=', userId)
      .execute();
    const members = await listMembers(trx, viewer.accountId);
    return members.find((member) => member.userId === userId) as Member;
  });
}

/**
 * Removes a member: their sessions in this account and API keys end, their contacts have no owner any more, their pending tasks go to the
 * fallback user (an owner where it was them). The user stays, so that what they did keeps its name. Members may leave by themselves.
 */
export async function removeMember(trx: Trx, viewer: Viewer, userId: string): Promise<void> {
  const current = await lockMember(trx, viewer, userId);
  if (userId !== viewer.userId) requireMay(viewer, current);
  if (current === 'owner') await requireAnotherOwner(trx, viewer.accountId, userId);
  const fallback = await fallbackWithout(trx, viewer.accountId, userId);
  await trx.updateTable('account').set({ fallback_user_id: fallback }).where('id', '=', viewer.accountId).execute();
  await trx
    .updateTable('task')
    .set({ assignee_id: fallback })
    .where('account_id', '=', viewer.accountId)
    .where('assignee_id', '=', userId)
    .where('state', '=', 'pending')
    .execute();
  // API keys go with the member by their foreign key.
  await trx.deleteFrom('member').where('account_id', '=', viewer.accountId).where('user_id', '=', userId).execute();
  await trx
    .deleteFrom('session')
    .where('user_id', '=', userId)
    .where((eb) => eb.or([eb('active_account_id', '=', viewer.accountId), eb('active_account_id', 'is', null)]))
    .execute();
}

/** Locks every member row of the account: two owners who demote each other at the same time must not both succeed. */
async function lockMember(trx: Trx, viewer: Viewer, userId: string): Promise<Role> {
  const rows = await trx
    .selectFrom('member')
    .where('account_id', '=', viewer.accountId)
    .select(['user_id', 'role'])
    .orderBy('id')
    .forUpdate()
    .execute();
  const row = rows.find((candidate) => candidate.user_id === userId);
  if (!row) throw new AppError('not_found', 'There is no such member in this account.');
  return row.role;
}

function requireMay(viewer: Viewer, current: Role): void {
  if (viewer.role !== 'member' && hasRole(viewer.role, current)) return;
  throw new AppError(
    'forbidden',
    current === 'owner'
      ? 'Only an owner can change or remove an owner.'
      : 'Only an owner or admin of the account may do this.',
  );
}

async function requireAnotherOwner(trx: Trx, accountId: string, userId: string): Promise<void> {
  const other = await trx
    .selectFrom('member')
    .where('account_id', '=', accountId)
    .where('role', '=', 'owner')
    .where('user_id', '!=', userId)
    .select('user_id')
    .executeTakeFirst();
  if (other) return;
  throw new AppError('conflict', 'An account needs an owner, and this is its only one.', {
    hint: 'Make somebody else an owner first.',
  });
}

async function fallbackWithout(trx: Trx, accountId: string, userId: string): Promise<string | null> {
  const account = await trx
    .selectFrom('account')
    .where('id', '=', accountId)
    .select('fallback_user_id')
    .executeTakeFirstOrThrow();
  if (account.fallback_user_id !== null && account.fallback_user_id !== userId) return account.fallback_user_id;
  const owner = await trx
    .selectFrom('member')
    .where('account_id', '=', accountId)
    .where('role', '=', 'owner')
    .where('user_id', '!=', userId)
    .select('user_id')
    .orderBy('created_at')
    .executeTakeFirst();
  return owner?.user_id ?? null;
}

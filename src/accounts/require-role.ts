import { AppError } from '../errors.ts';
import type { Role, Viewer } from './viewer.ts';

const rank: Record<Role, number> = { member: 0, admin: 1, owner: 2 };

/** Whether `role` may do what `least` may: owner > admin > member. */
export function hasRole(role: Role, least: Role): boolean {
  return rank[role] >= rank[least];
}

/** Throws AppError 'forbidden' unless the viewer has this role or a higher one. */
export function requireRole(viewer: Pick<Viewer, 'role'>, least: Role): void {
  if (hasRole(viewer.role, least)) return;
  throw new AppError(
    'forbidden',
    `Only ${least === 'owner' ? 'an owner' : 'an owner or admin'} of the account may do this.`,
    {
      hint: 'Ask an administrator of your account.',
    },
  );
}

import { AppError } from '../errors.ts';
import type { Plan, Viewer } from './viewer.ts';

/** Whether the plan has Email Sync (spec P1: plus and above). */
export function hasEmailSync(plan: Plan): boolean {
  return plan !== 'basic';
}

/** Throws AppError 'plan_required' where the account's plan has no Email Sync (spec P1). */
export function requireEmailSync(viewer: Pick<Viewer, 'plan'>): void {
  if (hasEmailSync(viewer.plan)) return;
  throw new AppError(
    'plan_required',
    'Email Sync is part of the plans Plus, Pro and Enterprise; this account is on Basic.',
    {
      hint: 'The owner of the account can change the plan under Administration > Account.',
    },
  );
}

export const roles = ['owner', 'admin', 'member'] as const;
export type Role = (typeof roles)[number];

export const plans = ['basic', 'plus', 'pro', 'enterprise'] as const;
export type Plan = (typeof plans)[number];

/** Who asks: a user in one account, by session or API key. Domain functions take it instead of a request. */
export interface Viewer {
  accountId: string;
  userId: string;
  role: Role;
  plan: Plan;
  /** The user's zone, else the account's (IANA name). */
  zone: string;
}

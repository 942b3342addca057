/** Row types of migrations/0001_accounts.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, Timestamp } from './columns.ts';

export interface UserTable {
  id: Generated<string>;
  name: string;
  email: string;
  email_verified: Generated<boolean>;
  image: string | null;
  zone: string | null;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface AccountTable {
  id: Generated<string>;
  name: string;
  plan: Generated<'basic' | 'plus' | 'pro' | 'enterprise'>;
  zone: Generated<string>;
  fallback_user_id: string | null;
  created_at: CreatedAt;
}

export interface MemberTable {
  id: Generated<string>;
  account_id: string;
  user_id: string;
  role: 'owner' | 'admin' | 'member';
  created_at: CreatedAt;
}

export interface SessionTable {
  id: Generated<string>;
  user_id: string;
  token: string;
  expires_at: Timestamp;
  ip_address: string | null;
  user_agent: string | null;
  active_account_id: string | null;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface SignInMethodTable {
  id: Generated<string>;
  user_id: string;
  account_id: string;
  provider_id: string;
  access_token: string | null;
  refresh_token: string | null;
  id_token: string | null;
  access_token_expires_at: Timestamp | null;
  refresh_token_expires_at: Timestamp | null;
  scope: string | null;
  password: string | null;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface VerificationTable {
  id: Generated<string>;
  identifier: string;
  value: string;
  expires_at: Timestamp;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface InvitationTable {
  account_id: string;
  id: Generated<string>;
  email: string;
  role: 'owner' | 'admin' | 'member';
  inviter_id: string | null;
  expires_at: Timestamp;
  created_at: CreatedAt;
}

export interface SetupTokenTable {
  one: Generated<boolean>;
  hash: Buffer;
  created_at: CreatedAt;
}

export interface RateLimitTable {
  key: string;
  count: number;
  window_ends: Timestamp;
}

export interface ApiKeyTable {
  account_id: string;
  id: Generated<string>;
  user_id: string;
  name: string;
  prefix: string;
  hash: Buffer;
  created_at: CreatedAt;
  last_used_at: Timestamp | null;
  revoked_at: Timestamp | null;
}

export interface AccountKeyTable {
  account_id: string;
  sealed: Buffer;
}

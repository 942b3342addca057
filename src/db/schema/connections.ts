/** Row types of migrations/0003_connections.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, GeneratedInt8, Json, Timestamp } from './columns.ts';

export interface ConnectionTable {
  account_id: string;
  id: Generated<string>;
  user_id: string | null;
  provider: string;
  address: string;
  address_key: string;
  settings: Json;
  credentials: Buffer | null;
  sharing: 'everything' | 'private';
  state: 'connecting' | 'active' | 'paused' | 'needs_sign_in' | 'failing' | 'deleted';
  state_code: string | null;
  state_message: string | null;
  state_since: CreatedAt;
  next_try_at: Timestamp | null;
  started_at: CreatedAt;
  last_synced_at: Timestamp | null;
  last_authenticated_at: Timestamp | null;
  fence: GeneratedInt8;
  sender_check: Generated<'learned' | 'given' | 'off'>;
  authserv_id: string | null;
  authserv_looked_at: Timestamp | null;
  deleted_at: Timestamp | null;
  erasing: Generated<boolean>;
  created_at: CreatedAt;
}

export interface ConnectionAddressTable {
  account_id: string;
  connection_id: string;
  address_key: string;
}

export interface StreamTable {
  account_id: string;
  connection_id: string;
  id: Generated<string>;
  ref: string;
  start_cursor: string;
  cursor: string | null;
  last_synced_at: Timestamp | null;
  error: string | null;
  error_since: Timestamp | null;
  last_mail_at: Timestamp | null;
}

export interface FolderTable {
  account_id: string;
  connection_id: string;
  id: Generated<string>;
  stream_id: string | null;
  ref: string;
  name: string;
  role: 'inbox' | 'sent' | 'drafts' | 'archive' | 'all' | 'junk' | 'trash' | 'flagged' | null;
  selectable: boolean;
  chosen: Generated<boolean>;
  chosen_cursor: string | null;
  chosen_at: Timestamp | null;
  epoch: Generated<string>;
  gone_at: Timestamp | null;
  renumberings: Generated<number>;
  renumbered_at: Timestamp | null;
}

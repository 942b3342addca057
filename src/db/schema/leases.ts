/** Row types of migrations/0006_leases.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, Timestamp } from './columns.ts';

export interface SyncProcessTable {
  id: Generated<number>;
  joined_at: CreatedAt;
  expires_at: Timestamp;
}

export interface LeaseTable {
  account_id: string;
  connection_id: string;
  process_id: number;
}

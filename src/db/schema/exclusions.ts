/** Row types of migrations/0014_exclusions.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, Int8, Timestamp } from './columns.ts';

export interface ExclusionTable {
  account_id: string;
  id: Generated<string>;
  user_id: string | null;
  kind: 'address' | 'domain' | 'own_domain';
  value: string;
  created_by: string | null;
  created_at: CreatedAt;
  removed_at: Timestamp | null;
}

export interface SightingExclusionTable {
  account_id: string;
  sighting_id: Int8;
  hash: Buffer;
  exclusion_id: string;
  blind: boolean;
}

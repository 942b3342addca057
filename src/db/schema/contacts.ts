/** Row types of migrations/0002_contacts.sql and 0029_search_words.sql. */
import type { Generated } from 'kysely';
import type { Computed, CreatedAt, Timestamp } from './columns.ts';

export interface StageTable {
  account_id: string;
  id: Generated<string>;
  name: string;
  position: number;
}

export interface ContactTable {
  account_id: string;
  id: Generated<string>;
  first_name: Generated<string>;
  last_name: Generated<string>;
  company: Generated<string>;
  owner_id: string | null;
  stage_id: string | null;
  lead_score: Generated<number>;
  merged_into: string | null;
  deleted_at: Timestamp | null;
  created_at: CreatedAt;
  updated_at: CreatedAt;
  words: Computed;
}

export interface ContactAddressTable {
  account_id: string;
  address_key: string;
  contact_id: string;
  address: string;
  hash: Buffer;
  position: Generated<number>;
  created_at: CreatedAt;
  words: Computed;
}

export interface TagTable {
  account_id: string;
  id: Generated<string>;
  name: string;
}

export interface ContactTagTable {
  account_id: string;
  contact_id: string;
  tag_id: string;
}

export interface SegmentTable {
  account_id: string;
  id: Generated<string>;
  name: string;
}

export interface ContactSegmentTable {
  account_id: string;
  contact_id: string;
  segment_id: string;
}

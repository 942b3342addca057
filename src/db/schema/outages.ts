/** Row types of migrations/0018_outages.sql; `read` is of 0020_sighting_counts.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, GeneratedInt8, Int8, Timestamp } from './columns.ts';

export interface OutageTable {
  account_id: string;
  id: Generated<string>;
  connection_id: string;
  began_at: CreatedAt;
  after_sighting: Int8;
  until_sighting: Int8 | null;
  code: string;
  message: string;
  refused_at: Timestamp | null;
  back_at: Timestamp | null;
  caught_up_at: Timestamp | null;
  read: GeneratedInt8;
  check_id: string | null;
}

export interface OutageNoticeTable {
  account_id: string;
  outage_id: string;
  user_id: string;
  later_until: Timestamp | null;
  dismissed_at: Timestamp | null;
}

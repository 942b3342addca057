/** Row types of migrations/0011_history.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, GeneratedInt8, Int8, Timestamp } from './columns.ts';

export interface HistoryTable {
  account_id: string;
  id: Generated<string>;
  connection_id: string;
  since: Timestamp | null;
  until: Timestamp | null;
  fires: boolean;
  state: 'running' | 'paused' | 'done' | 'cancelled';
  rate: number | null;
  progressed_at: Timestamp | null;
  asked_at: CreatedAt;
  ended_at: Timestamp | null;
}

export interface HistoryFolderTable {
  account_id: string;
  connection_id: string;
  history_id: string;
  folder_id: string;
  epoch: string;
  position: string | null;
  listed: GeneratedInt8;
  logged: GeneratedInt8;
  remaining: Int8 | null;
  done: Generated<boolean>;
  error: string | null;
}

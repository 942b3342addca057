/** Row types of migrations/0005_automations.sql and 0028_listening_spans.sql. */
import type { Generated } from 'kysely';
import type { CreatedAt, Int8, Json, Timestamp } from './columns.ts';

export interface MapTable {
  account_id: string;
  id: Generated<string>;
  name: string;
  draft: Json;
  state: Generated<'draft' | 'published' | 'paused'>;
  version: number | null;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface MapVersionTable {
  account_id: string;
  map_id: string;
  version: number;
  graph: Json;
  published_at: CreatedAt;
  published_by: string | null;
}

export interface ListeningSpanTable {
  account_id: string;
  map_id: string;
  trigger_id: string;
  since: Timestamp;
  until: Timestamp | null;
}

export interface FiringTable {
  account_id: string;
  key: Buffer;
  map_id: string;
  trigger_id: string;
  contact_id: string;
  message_id: string;
  sighting_id: Int8;
  run_id: string;
  at: CreatedAt;
}

export interface RunTable {
  account_id: string;
  id: Generated<string>;
  map_id: string;
  version: number;
  contact_id: string;
  message_id: string | null;
  state: 'running' | 'waiting' | 'ended' | 'failed';
  element_id: string;
  visit: Generated<number>;
  since: CreatedAt;
  due_at: Timestamp | null;
  error: string | null;
  started_at: CreatedAt;
  ended_at: Timestamp | null;
}

export interface StepTable {
  account_id: string;
  run_id: string;
  visit: number;
  element_id: string;
  result: Json;
  at: CreatedAt;
}

export interface TaskTable {
  account_id: string;
  id: Generated<string>;
  contact_id: string;
  assignee_id: string | null;
  subject: string;
  due_at: Timestamp | null;
  state: Generated<'pending' | 'complete' | 'cancelled'>;
  completed_at: Timestamp | null;
  completed_by: string | null;
  run_id: string | null;
  visit: number | null;
  created_at: CreatedAt;
}

export interface LogItemTable {
  account_id: string;
  id: Generated<string>;
  contact_id: string;
  kind: 'email_sync' | 'task' | 'note' | 'stage_change';
  at: Timestamp;
  sent_at: Timestamp | null;
  message_id: string | null;
  direction: 'sent' | 'received' | 'copied' | null;
  matched_address: string | null;
  matched_role: 'from' | 'to' | 'cc' | 'bcc' | null;
  class: 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated' | null;
  task_id: string | null;
  detail: Json | null;
  actor_id: string | null;
  created_at: CreatedAt;
}

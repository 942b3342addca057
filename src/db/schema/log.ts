/** Row types of migrations/0004_log.sql and 0007_message_kind.sql, with 0015_kind_of_each_copy.sql. */
import type { ColumnType, Generated } from 'kysely';
import type { CreatedAt, GeneratedJson, Int8, Json, Timestamp } from './columns.ts';

export interface MessageTable {
  account_id: string;
  id: Generated<string>;
  identity: Buffer;
  internet_message_id: string | null;
  in_reply_to: string | null;
  reference_ids: Generated<string[]>;
  subject: Generated<string>;
  snippet: Generated<string>;
  sent_at: Timestamp | null;
  received_at: Timestamp;
  size: Int8;
  text: Generated<string>;
  has_html: Generated<boolean>;
  headers: GeneratedJson;
  raw: string | null;
  defects: Generated<string[]>;
  kind: Generated<'personal' | 'auto_reply' | 'bounce' | 'list' | 'calendar'>;
  delivery: Json | null;
  created_at: CreatedAt;
  thread_key: Int8 | null;
}

export interface MessageParticipantTable {
  account_id: string;
  message_id: string;
  role: 'from' | 'to' | 'cc' | 'bcc' | 'reply-to';
  position: number;
  name: Generated<string>;
  address: string;
  address_key: string;
  connection_id: string | null;
}

export interface AttachmentTable {
  account_id: string;
  message_id: string;
  part: string;
  filename: string;
  content_type: string;
  size: Int8;
  content_id: string | null;
  inline: Generated<boolean>;
}

export interface SightingTable {
  account_id: string;
  id: ColumnType<string, never, never>;
  connection_id: string;
  folder_id: string;
  epoch: string;
  ref: string;
  received_at: Timestamp | null;
  size: Int8 | null;
  state: 'logged' | 'skipped' | 'quarantined';
  rule: string;
  class: 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated' | null;
  kind: 'personal' | 'auto_reply' | 'bounce' | 'list' | 'calendar' | null;
  identity: Buffer | null;
  internet_message_id_hash: Buffer | null;
  message_id: string | null;
  listed_at: CreatedAt;
  decided_at: CreatedAt;
  due_at: Timestamp | null;
  tries: Generated<number>;
  error: string | null;
  verdict: 'pass' | 'fail' | 'none' | null;
  verdict_by: string | null;
  verdict_results: string | null;
  vanished_at: Timestamp | null;
  superseded_at: Timestamp | null;
  /** Keyed hashes of the participants of what isn't logged. */
  strangers: Buffer[] | null;
  /** Those of them who stand in Bcc only. */
  blind_strangers: Buffer[] | null;
}

/** Of migrations/0020_sighting_counts.sql. Triggers keep it. */
export interface SightingCountTable {
  account_id: string;
  connection_id: string;
  folder_id: string;
  state: 'logged' | 'skipped' | 'quarantined';
  total: Int8;
}

/** Former decisions: the latest stands in the sighting. A trigger keeps it (migrations/0025_former_decisions.sql). */
export interface DecisionTable {
  account_id: string;
  sighting_id: Int8;
  state: string;
  rule: string;
  at: Timestamp;
}

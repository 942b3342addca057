/** Row types of migrations/0010_checks.sql and 0022_incomplete_checks.sql. */
import type { ColumnType, Generated } from 'kysely';
import type { CreatedAt, GeneratedInt8, Timestamp } from './columns.ts';

export interface MailboxCheckTable {
  account_id: string;
  id: Generated<string>;
  connection_id: string;
  asked_at: CreatedAt;
  asked_by: string | null;
  started_at: Timestamp | null;
  ended_at: Timestamp | null;
  longest_gap: number | null;
  error: string | null;
}

export interface MailboxCheckFolderTable {
  account_id: string;
  connection_id: string;
  check_id: string;
  folder_id: string;
  listed: GeneratedInt8;
  in_ledger: GeneratedInt8;
  differences: GeneratedInt8;
  repaired: GeneratedInt8;
  recovered: GeneratedInt8;
  gone: GeneratedInt8;
  done: Generated<boolean>;
  error: string | null;
}

export interface MailboxCheckDifferenceTable {
  account_id: string;
  id: ColumnType<string, never, never>;
  check_id: string;
  folder_id: string;
  kind: string;
  epoch: string | null;
  ref: string | null;
  rule_before: string | null;
  rule_after: string | null;
  found_at: CreatedAt;
}

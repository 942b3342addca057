/** Row types of migrations/0008_threads.sql and 0016_conversations.sql. */
import type { ColumnType, Generated } from 'kysely';
import type { GeneratedInt8, Int8 } from './columns.ts';

export interface ThreadTable {
  account_id: string;
  key: ColumnType<string, never, never>;
  id: string;
  age: GeneratedInt8;
  weight: number;
}

export interface ThreadReferenceTable {
  account_id: string;
  hash: Buffer;
  thread_key: Int8;
}

export interface FormerThreadTable {
  account_id: string;
  id: string;
  thread_key: Int8;
}

export interface ThreadingTable {
  account_id: string;
  after: Generated<string>;
}

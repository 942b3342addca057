/** Row types of migrations/0008_threads.sql. */
import type { ColumnType } from 'kysely';
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

import type { ColumnType } from 'kysely';

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

/** A timestamp that the database fills in. */
export type CreatedAt = ColumnType<Date, Date | string | undefined, Date | string>;

/** Text that the database derives from the row. */
export type Computed = ColumnType<string, never, never>;

/** bigint: comes back as text, since it may pass 2^53. */
export type Int8 = ColumnType<string, string | number | bigint, string | number | bigint>;
export type GeneratedInt8 = ColumnType<string, string | number | bigint | undefined, string | number | bigint>;

/** jsonb: written as text (JSON.stringify), read back parsed; the column's owner knows its shape. */
export type Json = ColumnType<unknown, string, string>;
export type GeneratedJson = ColumnType<unknown, string | undefined, string>;

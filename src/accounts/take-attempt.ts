import { sql } from 'kysely';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';

export interface AttemptRule {
  max: number;
  windowSeconds: number;
}

/**
 * Counts an attempt under `key`, in one statement, so that attempts at the same time can't all pass. The window begins with its first
 * attempt. Answers how many seconds to wait, 0 when the attempt is allowed.
 */
export async function countAttempt(db: Db, key: string, rule: AttemptRule): Promise<number> {
  const window = sql<Date>`now() + make_interval(secs => ${rule.windowSeconds})`;
  const row = await db
    .insertInto('rate_limit')
    .values({ key, count: 1, window_ends: window })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({
        // Stops one above the limit: a flood can't grow the number without end.
        count: sql`case when rate_limit.window_ends <= now() then 1 else least(rate_limit.count + 1, ${rule.max + 1}::int) end`,
        window_ends: sql`case when rate_limit.window_ends <= now() then ${window} else rate_limit.window_ends end`,
      }),
    )
    .returning([
      'rate_limit.count',
      sql<number>`ceil(extract(epoch from rate_limit.window_ends - now()))::int`.as('seconds'),
    ])
    .executeTakeFirstOrThrow();
  if (row.count === 1)
    await db
      .deleteFrom('rate_limit')
      .where('window_ends', '<', sql<Date>`now() - interval '1 day'`)
      .execute();
  return row.count <= rule.max ? 0 : Math.max(row.seconds, 1);
}

/** countAttempt, throwing AppError 'rate_limited' for an attempt too many. */
export async function takeAttempt(db: Db, key: string, rule: AttemptRule): Promise<void> {
  const seconds = await countAttempt(db, key, rule);
  if (seconds > 0) throw tooMany(seconds);
}

/** Takes back what takeAttempt() counted: it was none of those that are to be limited. */
export async function returnAttempt(db: Db, key: string): Promise<void> {
  await db
    .updateTable('rate_limit')
    .set({ count: sql`greatest(count - 1, 0)` })
    .where('key', '=', key)
    .execute();
}

/** The error of an attempt too many; it is allowed again in so many seconds. */
export function tooMany(seconds: number): AppError {
  const wait = seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return new AppError('rate_limited', `Too many attempts. Try again in ${wait}.`, { retryAfter: seconds });
}

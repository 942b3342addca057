import type pg from 'pg';

/** When a message has fired, in ms of the database's clock; waits for it. */
export async function firingOf(sql: pg.Client, messageId: string): Promise<number> {
  for (;;) {
    const { rows } = await sql.query<{ ms: number }>(
      `select extract(epoch from firing.at) * 1000 as ms from firing
       join message on message.account_id = firing.account_id and message.id = firing.message_id
       where message.internet_message_id = $1`,
      [messageId],
    );
    if (rows[0]) return Number(rows[0].ms);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Wall clock in ms with fractions: the database's clock is the same machine's. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

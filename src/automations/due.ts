import type { Trx } from '../db/open.ts';

/**
 * `amount` later than `start`. Minutes and hours are lengths of time; days keep the wall clock of `zone`: the same time of day, so 23 or 25
 * hours where the clocks change. A time that a change skips becomes the one an hour later (Temporal's "compatible").
 */
export function dueAfter(start: Date, amount: number, unit: 'minutes' | 'hours' | 'days', zone: string): Date {
  const instant = Temporal.Instant.fromEpochMilliseconds(start.getTime());
  const due =
    unit === 'days'
      ? instant.toZonedDateTimeISO(zone).add({ days: amount }).toInstant()
      : instant.add({ [unit]: amount });
  return new Date(due.epochMilliseconds);
}

/** The zone of a user, else of the account. */
export async function zoneOf(trx: Trx, accountId: string, userId: string | null): Promise<string> {
  const row = await trx
    .selectFrom('account as a')
    .leftJoin('user as u', (join) => join.on('u.id', '=', userId))
    .select(['a.zone as accountZone', 'u.zone as userZone'])
    .where('a.id', '=', accountId)
    .executeTakeFirstOrThrow();
  return row.userZone ?? row.accountZone;
}

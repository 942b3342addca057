/**
 * Outages (spec S4): times in which a mailbox couldn't be read. One is open until everything missed has been read; then the check that proves it begins, in
 * the same transaction, so there is one for each outage whatever is killed when.
 */
import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { startCheck } from './checks.ts';

/** Servers restart and lines drop: what passes by itself so soon is shown to nobody and starts no check. A refused sign-in always counts. */
export const counts = sql<boolean>`
  (o.refused_at is not null or coalesce(o.back_at, o.caught_up_at, now()) - o.began_at >= interval '1 minute')`;

const openOf = (accountId: string, connectionId: string) =>
  sql`o.account_id = ${accountId} and o.connection_id = ${connectionId} and o.caught_up_at is null`;

/** The mailbox can't be read: begins an outage, or goes on with the one that is open. Who had put it off is told anew when the sign-in is refused. */
export async function noteOut(
  trx: Trx,
  accountId: string,
  connectionId: string,
  trouble: { code: string; message: string; refused: boolean },
): Promise<void> {
  const { code, message, refused } = trouble;
  await sql`
    insert into outage as o (account_id, connection_id, after_sighting, code, message, refused_at)
    values (${accountId}, ${connectionId}, (select coalesce(max(id), 0) from sighting where account_id = ${accountId}),
      ${code}, ${message}, case when ${refused} then now() end)
    on conflict (account_id, connection_id) where caught_up_at is null do update
      set code = excluded.code, message = excluded.message, refused_at = coalesce(excluded.refused_at, o.refused_at), back_at = null`.execute(
    trx,
  );
  if (!refused) return;
  await sql`
    delete from outage_notice n using outage o
    where n.account_id = o.account_id and n.outage_id = o.id and ${openOf(accountId, connectionId)}`.execute(trx);
}

/** The mailbox is being read again. */
export async function noteBack(trx: Trx, accountId: string, connectionId: string): Promise<void> {
  await sql`update outage o set back_at = coalesce(back_at, now()) where ${openOf(accountId, connectionId)}`.execute(
    trx,
  );
}

/** Everything missed has been read: the outage ends, and a check of the whole mailbox begins. One too short to count leaves nothing. */
export async function endOutage(trx: Trx, accountId: string, connectionId: string): Promise<void> {
  await sql`delete from outage o where ${openOf(accountId, connectionId)} and not ${counts}`.execute(trx);
  const { rows } = await sql<{ id: string }>`
    update outage o set back_at = coalesce(back_at, now()), caught_up_at = now(),
      until_sighting = (select coalesce(max(id), 0) from sighting where account_id = ${accountId})
    where ${openOf(accountId, connectionId)} returning id`.execute(trx);
  const [ended] = rows;
  if (!ended) return;
  const checkId = await startCheck(trx, accountId, connectionId, { userId: null });
  await sql`update outage set check_id = ${checkId} where account_id = ${accountId} and id = ${ended.id}`.execute(trx);
}

/** Why the password in use was refused; null where none was, or another was given since. No try is made with such a one: servers lock out. */
export async function refusedSignIn(
  trx: Trx,
  accountId: string,
  connectionId: string,
): Promise<{ code: string; message: string } | null> {
  const { rows } = await sql<{ code: string; message: string }>`
    select o.code, o.message from outage o
    join connection c on c.account_id = o.account_id and c.id = o.connection_id
    where ${openOf(accountId, connectionId)} and o.refused_at > coalesce(c.last_authenticated_at, '-infinity')`.execute(
    trx,
  );
  return rows[0] ?? null;
}

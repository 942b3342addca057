import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { processLock } from './lease.ts';

/** Connections that are to be synced by some process; `c` is the connection. */
export const isWanted = sql`c.state in ('active', 'failing') and c.credentials is not null`;
/** Levelling closes and opens mailboxes: so many at a time, that most stay live. */
const mostGiven = 20;

export interface Standing {
  processId: number;
  /** Wanted connections that it has leases of. */
  held: number;
}

/**
 * Removes processes whose time ran out or whose session is gone; their leases go with them. `patient`: whose session is gone has its time to come back.
 */
export async function removeGoneProcesses(db: Db, processId: number, patient = false): Promise<void> {
  await sql`
    delete from sync_process where id in (
      select p.id from sync_process p
      where p.id <> ${processId} and (p.expires_at < clock_timestamp() or not ${patient} and not exists (
        select from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.classid = ${processLock}::oid and l.objid = p.id::oid
          and l.database = (select oid from pg_database where datname = current_database())))
      for update skip locked)`.execute(db);
}

/**
 * Takes free connections up to the process's fair share. Returns how many were taken, and how many should be given up because others have too few.
 */
export async function takeShare(db: Db, processId: number): Promise<{ taken: number; surplus: number }> {
  const { rows } = await sql<Standing & { wanted: number }>`
    with wanted as (
      select l.process_id from connection c
      left join lease l on l.account_id = c.account_id and l.connection_id = c.id
      where ${isWanted})
    select p.id as "processId", (select count(*) from wanted)::int as wanted,
      (select count(*) from wanted w where w.process_id = p.id)::int as held
    from sync_process p`.execute(db);
  const { take, give } = levelled(rows[0]?.wanted ?? 0, rows, processId);
  if (take === 0) return { taken: 0, surplus: give };
  const { numAffectedRows } = await sql`
    insert into lease (account_id, connection_id, process_id)
    select c.account_id, c.id, ${processId} from connection c
    where ${isWanted} and not exists (select from lease l where l.account_id = c.account_id and l.connection_id = c.id)
    limit ${take} for no key update of c skip locked
    on conflict do nothing`.execute(db);
  return { taken: Number(numAffectedRows ?? 0), surplus: give };
}

/**
 * How many free connections a process may take, and how many of its own it should give up. It gives up only what a process below its share waits for: a
 * connection that comes or goes moves no other.
 */
export function levelled(
  wanted: number,
  standings: readonly Standing[],
  processId: number,
): { take: number; give: number } {
  const held = standings.find((one) => one.processId === processId)?.held;
  if (held === undefined) return { take: 0, give: 0 };
  const share = wanted / standings.length;
  const free = wanted - standings.reduce((sum, one) => sum + one.held, 0);
  const missing = standings.reduce((sum, one) => sum + Math.max(0, Math.floor(share) - one.held), 0);
  const surplus = Math.max(0, held - Math.floor(share));
  return {
    take: Math.min(free, Math.max(0, Math.ceil(share) - held)),
    give: Math.min(surplus, Math.max(0, missing - free), mostGiven),
  };
}

/** Gives a connection up for others to take. Its loop has ended before. */
export async function giveUp(db: Db, processId: number, connectionId: string): Promise<void> {
  await sql`delete from lease where process_id = ${processId} and connection_id = ${connectionId}`.execute(db);
}

/** Whether the process has the connection's lease; it can't lose it before the transaction ends. */
export async function lockLease(
  trx: Trx,
  processId: number,
  accountId: string,
  connectionId: string,
): Promise<boolean> {
  const lease = await trx
    .selectFrom('lease')
    .select('process_id')
    .where('account_id', '=', accountId)
    .where('connection_id', '=', connectionId)
    .where('process_id', '=', processId)
    .forShare()
    .executeTakeFirst();
  return lease !== undefined;
}

import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { hasRole } from '../accounts/require-role.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';
import { recoveredAfter, viewCheck } from './checks.ts';
import type { MailboxCheck } from './checks.ts';
import { counts } from './outages.ts';

export type OutagePhase = 'out' | 'catching_up' | 'checking' | 'over';

/** A time in which a mailbox couldn't be read, for people. Counts are messages. */
export interface Outage {
  id: string;
  connection: { id: string; address: string; owner: { id: string; name: string } | null };
  phase: OutagePhase;
  /** Only a new sign-in of the mailbox's owner ends it. */
  needsSignIn: boolean;
  code: string;
  message: string;
  beganAt: Date;
  backAt: Date | null;
  caughtUpAt: Date | null;
  nextTryAt: Date | null;
  /** Of what had been missed: read so far, logged so far, and in quarantine now. */
  read: number;
  logged: number;
  quarantined: number;
  /** The check that began when everything had been read; what it says holds once it has ended. */
  check: MailboxCheck | null;
  /** What the viewer did about it: 'later' passes by itself. */
  notice: 'raised' | 'later' | 'dismissed';
}

type Row = Omit<Outage, 'check' | 'connection' | 'needsSignIn'> & {
  connectionId: string;
  address: string;
  owner: { id: string; name: string } | null;
  state: string;
  checkId: string | null;
};

/** How long 'later' is. */
const later = sql`interval '4 hours'`;

/**
 * What the viewer is to be told: of each own mailbox its outage until its result was dismissed, and for admins (spec C2) those of colleagues that are out and that they
 * haven't dismissed. The oldest first, 200 at most.
 */
export async function listOutages(db: Db | Trx, viewer: Viewer): Promise<Outage[]> {
  const own = sql`c.user_id is not distinct from ${viewer.userId}`;
  const mine = sql`${own} and (phase.is <> 'over' or n.dismissed_at is null or n.dismissed_at < k.ended_at)`;
  const others = sql`${hasRole(viewer.role, 'admin')} and not (${own}) and phase.is = 'out' and n.dismissed_at is null`;
  return await load(
    db,
    viewer,
    sql`c.state in ('active', 'failing', 'needs_sign_in') and (${mine} or ${others})
      and not exists (select from outage newer where newer.account_id = o.account_id and newer.connection_id = o.connection_id
        and newer.began_at > o.began_at)
      order by o.began_at, o.id limit 200`,
  );
}

/** The latest outages of a connection, the latest first, for its owner and admins. Throws AppError 'not_found'. */
export async function outagesOf(db: Db | Trx, viewer: Viewer, connectionId: string): Promise<Outage[]> {
  await requireConnection(db, viewer, connectionId, { as: 'manager' });
  return await load(db, viewer, sql`c.id = ${connectionId} order by o.began_at desc, o.id limit 10`);
}

/**
 * Puts a notice off for some hours, or for good: until the next outage, and an owner is told how this one ends. After its end, 'dismissed' means that the
 * result was read. Whoever may see the connection. Throws AppError 'not_found'.
 */
export async function answerNotice(
  db: Db,
  viewer: Viewer,
  outageId: string,
  answer: 'later' | 'dismissed',
): Promise<void> {
  const outage = await db
    .selectFrom('outage')
    .select('connection_id')
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', outageId)
    .executeTakeFirst();
  if (!outage) throw new AppError('not_found', 'This trouble is over, or its connection was deleted.');
  await requireConnection(db, viewer, outage.connection_id, { as: 'manager' });
  await sql`
    insert into outage_notice as n (account_id, outage_id, user_id, later_until, dismissed_at)
    values (${viewer.accountId}, ${outageId}, ${viewer.userId},
      case when ${answer} = 'later' then now() + ${later} end, case when ${answer} = 'dismissed' then now() end)
    on conflict (account_id, outage_id, user_id) do update
      set later_until = coalesce(excluded.later_until, n.later_until), dismissed_at = coalesce(excluded.dismissed_at, n.dismissed_at)`.execute(
    db,
  );
}

/** `which`: a condition on o, c, k, n and phase, and the order. */
async function load(db: Db | Trx, viewer: Viewer, which: RawBuilder<unknown>): Promise<Outage[]> {
  const { accountId } = viewer;
  const { rows } = await sql<Row>`
    select o.id, c.id as "connectionId", c.address, c.state, phase.is as phase, o.code, o.message, o.check_id as "checkId",
      case when u.id is not null then json_build_object('id', u.id, 'name', u.name) end as owner,
      o.began_at as "beganAt", o.back_at as "backAt", o.caught_up_at as "caughtUpAt", c.next_try_at as "nextTryAt",
      o.read::float8 as read, missed.quarantined, (case when phase.is = 'out' then 0 else ${recoveredAfter} end)::float8 as logged,
      case when n.dismissed_at is not null then 'dismissed' when n.later_until > now() then 'later' else 'raised' end as notice
    from outage o
    join connection c on c.account_id = o.account_id and c.id = o.connection_id and c.deleted_at is null
    left join "user" u on u.id = c.user_id
    left join mailbox_check k on k.account_id = o.account_id and k.id = o.check_id
    left join outage_notice n on n.account_id = o.account_id and n.outage_id = o.id and n.user_id = ${viewer.userId}
    cross join lateral (select case when o.caught_up_at is null and c.state = 'active' then 'catching_up'
      when o.caught_up_at is null then 'out' when k.ended_at is null and k.id is not null then 'checking' else 'over' end as is) phase
    cross join lateral (
      select count(*)::float8 as quarantined from sighting s
      where s.account_id = o.account_id and s.connection_id = o.connection_id and s.state = 'quarantined' and s.superseded_at is null
        and s.id > o.after_sighting and s.id <= coalesce(o.until_sighting, s.id)) missed
    where o.account_id = ${accountId} and ${counts} and ${which}`.execute(db);
  const outages: Outage[] = [];
  for (const { connectionId, address, owner, state, checkId, ...row } of rows) {
    const check = checkId === null ? null : await viewCheck(db, accountId, connectionId, checkId);
    const needsSignIn = row.phase === 'out' && state === 'needs_sign_in';
    outages.push({ ...row, connection: { id: connectionId, address, owner }, needsSignIn, check });
  }
  return outages;
}

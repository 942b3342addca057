import { sql } from 'kysely';
import { requireEmailSync } from '../accounts/plan.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';

/** A stretch of the time before the connection's start whose mail was asked for, by receive time; null: from the beginning, up to the start. */
export interface AskedHistory {
  since: Date | null;
  until: Date | null;
  fires: boolean;
}

/** An import of history, as people see it. Counts are messages; `total` null: not counted yet. */
export interface History extends AskedHistory {
  id: string;
  state: 'running' | 'paused' | 'done' | 'cancelled';
  askedAt: Date;
  endedAt: Date | null;
  listed: number;
  logged: number;
  total: number | null;
  /** Messages a second, and seconds left; null while nothing moves. */
  rate: number | null;
  secondsLeft: number | null;
  /** Folders that can't be read now. */
  troubles: { folder: string; error: string }[];
}

/** What was asked for and not given up. */
export async function loadAsked(db: Db | Trx, accountId: string, connectionId: string): Promise<AskedHistory[]> {
  return await db
    .selectFrom('history')
    .select(['since', 'until', 'fires'])
    .where('account_id', '=', accountId)
    .where('connection_id', '=', connectionId)
    .where('state', '<>', 'cancelled')
    .orderBy('fires', 'desc')
    .execute();
}

/** The asked stretch that a message of the time before lies in; of several one that fires. When a message came that the server gives no time of is anybody's guess. */
export function askedOf(asked: readonly AskedHistory[], receivedAt: Date | null): AskedHistory | null {
  const within = asked.find(
    ({ since, until }) =>
      receivedAt === null || ((since === null || receivedAt >= since) && (until === null || receivedAt < until)),
  );
  return within ?? null;
}

/**
 * Asks for the mail of a stretch before the connection's start: its loop lists it, newest first, whenever there is nothing live to do. Only the mailbox's
 * owner. Throws AppError: not_found, forbidden, plan_required, invalid (an empty stretch), conflict (an import is under way).
 */
export async function askForHistory(
  db: Db,
  viewer: Viewer,
  connectionId: string,
  asked: AskedHistory,
): Promise<History> {
  requireEmailSync(viewer);
  return await db.transaction().execute(async (trx) => {
    const connection = await requireConnection(trx, viewer, connectionId, { as: 'owner', lock: true });
    const start = connection.started_at;
    const until = asked.until !== null && asked.until < start ? asked.until : null;
    if (asked.since !== null && asked.since >= (until ?? start)) {
      throw invalid(
        asked.since >= start
          ? 'This mailbox was connected before that date, so its mail since then is here already. Choose an earlier date.'
          : 'The end of the range is before its beginning.',
      );
    }
    const made = await trx
      .insertInto('history')
      .values({
        account_id: viewer.accountId,
        connection_id: connectionId,
        since: asked.since,
        until,
        fires: asked.fires,
        state: 'running',
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (!made) {
      throw new AppError('conflict', 'An import of this mailbox is under way already. Cancel it, or wait for its end.');
    }
    await tell(trx, viewer.accountId, connectionId);
    const [history] = await viewHistory(trx, viewer.accountId, connectionId);
    return history!;
  });
}

/** Pauses, resumes or cancels the import that is under way; what it has taken in stays. Only the mailbox's owner. Throws AppError: not_found, forbidden, plan_required (on resuming), conflict (none is). */
export async function changeHistory(
  db: Db,
  viewer: Viewer,
  connectionId: string,
  state: 'running' | 'paused' | 'cancelled',
): Promise<History> {
  if (state === 'running') requireEmailSync(viewer);
  return await db.transaction().execute(async (trx) => {
    await requireConnection(trx, viewer, connectionId, { as: 'owner', lock: true });
    const changed = await trx
      .updateTable('history')
      .set({ state, rate: null, ended_at: state === 'cancelled' ? new Date() : null })
      .where('account_id', '=', viewer.accountId)
      .where('connection_id', '=', connectionId)
      .where('state', 'in', ['running', 'paused'])
      .returning('id')
      .executeTakeFirst();
    if (!changed) throw new AppError('conflict', 'No import of this mailbox is under way. It may have ended.');
    await tell(trx, viewer.accountId, connectionId);
    const histories = await viewHistory(trx, viewer.accountId, connectionId);
    return histories.find(({ id }) => id === changed.id)!;
  });
}

/** The imports of a connection, the latest first, for whoever has been let through by requireConnection(). */
export async function viewHistory(db: Db | Trx, accountId: string, connectionId: string): Promise<History[]> {
  const { rows } = await sql<Omit<History, 'secondsLeft'>>`
    select h.id, h.since, h.until, h.fires, h.state, h.asked_at as "askedAt", h.ended_at as "endedAt",
      coalesce(p.listed, 0)::float8 as listed, coalesce(p.logged, 0)::float8 as logged,
      case when h.state = 'done' then p.listed when not p.uncounted then p.listed + p.remaining end::float8 as total,
      case when h.state = 'running' and h.progressed_at > now() - interval '1 minute' then h.rate end as rate,
      coalesce(p.troubles, '[]') as troubles
    from history h
    left join lateral (
      select sum(hf.listed) as listed, sum(hf.logged) as logged, sum(hf.remaining) as remaining, bool_or(hf.remaining is null) as uncounted,
        json_agg(json_build_object('folder', f.name, 'error', hf.error) order by f.name) filter (where hf.error is not null and h.state = 'running') as troubles
      from folder f
      left join history_folder hf on hf.account_id = h.account_id and hf.history_id = h.id and hf.folder_id = f.id
      where f.account_id = h.account_id and f.connection_id = h.connection_id and (hf.folder_id is not null or f.chosen and f.gone_at is null)
    ) p on true
    where h.account_id = ${accountId} and h.connection_id = ${connectionId}
    order by h.asked_at desc, h.id`.execute(db);
  return rows.map((row) => ({
    ...row,
    secondsLeft: row.rate !== null && row.rate > 0 && row.total !== null ? (row.total - row.listed) / row.rate : null,
  }));
}

async function tell(trx: Trx, accountId: string, connectionId: string): Promise<void> {
  await notify(trx, 'letterlog_connection', { accountId, connectionId, only: 'work' });
  await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
}

function invalid(message: string): AppError {
  return new AppError('invalid', message, { details: [{ path: 'since', message }] });
}

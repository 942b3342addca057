import { sql } from 'kysely';
import { requireEmailSync } from '../accounts/plan.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { requireConnection } from './access.ts';

/** What a check can find, and how people are told. The names are stable. */
export const differenceKinds = {
  missing_row: 'A message of the mailbox had no row in the ledger.',
  decision_differs: 'The ledger said something else of a message than its head, read anew, says.',
  missing_log_item: "A logged message was missing in a contact's Contact Log.",
  other_message: 'The row at this place belonged to another message.',
  wrongly_vanished: 'A message counted as vanished, but it is in the mailbox.',
  row_without_message: 'A row counted as present, but its message is no longer in the mailbox.',
  cursor_ahead: 'The cursor had passed new messages that are not in the ledger.',
  cursor_behind: 'The cursor lay before messages that are in the ledger.',
} as const;

export type DifferenceKind = keyof typeof differenceKinds;

/** A check of a mailbox against the ledger and the log. Counts are messages. */
export interface MailboxCheck {
  id: string;
  askedAt: Date;
  /** Null: it began by itself. */
  askedBy: { id: string; name: string } | null;
  startedAt: Date | null;
  /** Null: it waits or is under way. */
  endedAt: Date | null;
  /** Messages since the start that the server has in the chosen folders. */
  listed: number;
  /** Those of them that had their row before anything was repaired. */
  inLedger: number;
  differences: number;
  repaired: number;
  /** Messages that came into the Contact Log by it; where it ends an outage, with all that had been missed. */
  recovered: number;
  /** Differences that are left. */
  missing: number;
  /** Why it ended before every folder was compared; null: it didn't. */
  error: string | null;
  /** Folders that could not be checked. */
  troubles: { folder: string; error: string }[];
}

/** A difference by name; at most the first thousand of a folder. Epoch and ref: where the message lies. */
export interface Difference {
  folder: string;
  kind: DifferenceKind;
  epoch: string | null;
  ref: string | null;
  ruleBefore: string | null;
  ruleAfter: string | null;
  foundAt: Date;
}

/**
 * Starts a check, or joins the one that is under way; the connection's loop works it off as soon as it runs, also after a restart, unless the mailbox stops being read
 * (breakOffChecks). Answers its id: viewCheck() has the result once `endedAt` is set. The caller has made sure that it may be asked for.
 */
export async function startCheck(
  trx: Db | Trx,
  accountId: string,
  connectionId: string,
  asked: { userId: string | null },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into mailbox_check (account_id, connection_id, asked_by)
    values (${accountId}, ${connectionId}, ${asked.userId})
    on conflict (account_id, connection_id) where ended_at is null do update
      set asked_by = coalesce(excluded.asked_by, mailbox_check.asked_by)
    returning id`.execute(trx);
  const { id } = rows[0]!;
  await notify(trx, 'letterlog_connection', { accountId, connectionId, only: 'work' });
  await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
  return id;
}

/** Ends the checks that are under way of connections which aren't read any more, as incomplete. `why` is for people. */
export async function breakOffChecks(
  trx: Trx,
  accountId: string,
  connectionIds: readonly string[],
  why: string,
): Promise<void> {
  await sql`
    update mailbox_check set ended_at = now(), error = ${why}
    where account_id = ${accountId} and connection_id = any(${connectionIds}::uuid[]) and ended_at is null`.execute(
    trx,
  );
}

/** Asks for a check by hand: its owner and admins. Throws AppError: not_found, plan_required, conflict (the mailbox isn't being synced). */
export async function askForCheck(db: Db, viewer: Viewer, connectionId: string): Promise<MailboxCheck> {
  requireEmailSync(viewer);
  return await db.transaction().execute(async (trx) => {
    const { state } = await requireConnection(trx, viewer, connectionId, { as: 'manager', lock: true });
    if (state !== 'active' && state !== 'failing') {
      throw new AppError('conflict', 'Only a mailbox that is being synced can be checked. Resume it or sign in first.');
    }
    const id = await startCheck(trx, viewer.accountId, connectionId, { userId: viewer.userId });
    return await viewCheck(trx, viewer.accountId, connectionId, id);
  });
}

/** One check, for whoever has been let through by requireConnection(). Throws AppError 'not_found'. */
export async function viewCheck(
  db: Db | Trx,
  accountId: string,
  connectionId: string,
  checkId: string,
): Promise<MailboxCheck> {
  const [found] = await loadChecks(db, accountId, connectionId, checkId);
  if (!found) throw new AppError('not_found', 'There is no such check of this mailbox.');
  return found;
}

/** The latest checks of a connection, the latest first, for whoever has been let through by requireConnection(). */
export async function viewChecks(db: Db | Trx, accountId: string, connectionId: string): Promise<MailboxCheck[]> {
  return await loadChecks(db, accountId, connectionId, null);
}

/** Messages of the Contact Log that an outage `o` had kept from it: listed after it at last, and not known to this mailbox before. */
export const recoveredAfter = sql`(
  select count(distinct s.message_id) from sighting s
  where s.account_id = o.account_id and s.connection_id = o.connection_id
    and s.id > o.after_sighting and s.id <= coalesce(o.until_sighting, s.id)
    and s.state = 'logged' and s.class in ('live', 'migrated')
    and not exists (select from decision d where d.account_id = s.account_id and d.sighting_id = s.id and d.state = 'skipped')
    and not exists (select from sighting known where known.account_id = s.account_id and known.message_id = s.message_id
      and known.connection_id = s.connection_id and known.id <= o.after_sighting))`;

async function loadChecks(
  db: Db | Trx,
  accountId: string,
  connectionId: string,
  checkId: string | null,
): Promise<MailboxCheck[]> {
  const { rows } = await sql<Omit<MailboxCheck, 'missing'>>`
    select k.id, k.asked_at as "askedAt", k.started_at as "startedAt", k.ended_at as "endedAt", k.error,
      case when u.id is not null then json_build_object('id', u.id, 'name', u.name) end as "askedBy",
      coalesce(p.listed, 0)::float8 as listed, coalesce(p.in_ledger, 0)::float8 as "inLedger", coalesce(p.differences, 0)::float8 as differences,
      coalesce(p.repaired, 0)::float8 as repaired, coalesce(p.troubles, '[]') as troubles,
      (coalesce(p.recovered, 0) + coalesce((
        select sum(${recoveredAfter}) from outage o where o.account_id = k.account_id and o.check_id = k.id), 0))::float8 as recovered
    from mailbox_check k
    left join "user" u on u.id = k.asked_by
    left join lateral (
      select sum(c.listed) as listed, sum(c.in_ledger) as in_ledger, sum(c.differences) as differences, sum(c.repaired) as repaired,
        sum(c.recovered) as recovered,
        json_agg(json_build_object('folder', f.name, 'error', c.error) order by f.name) filter (where c.error is not null) as troubles
      from mailbox_check_folder c join folder f on f.account_id = c.account_id and f.id = c.folder_id
      where c.account_id = k.account_id and c.check_id = k.id
    ) p on true
    where k.account_id = ${accountId} and k.connection_id = ${connectionId} and (${checkId}::uuid is null or k.id = ${checkId})
    order by k.asked_at desc, k.id limit 30`.execute(db);
  return rows.map((row) => ({ ...row, missing: row.differences - row.repaired }));
}

/** What a check found, by name. */
export async function viewDifferences(
  db: Db | Trx,
  accountId: string,
  connectionId: string,
  checkId: string,
): Promise<Difference[]> {
  const { rows } = await sql<Difference>`
    select f.name as folder, d.kind, d.epoch, d.ref, d.rule_before as "ruleBefore", d.rule_after as "ruleAfter", d.found_at as "foundAt"
    from mailbox_check_difference d
    join folder f on f.account_id = d.account_id and f.id = d.folder_id
    where d.account_id = ${accountId} and f.connection_id = ${connectionId} and d.check_id = ${checkId}
    order by d.id limit 1000`.execute(db);
  return rows;
}

import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { DifferenceKind } from '../connections/checks.ts';
import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';
import type { Candidate } from './candidate.ts';
import { inHold, isHeld } from './hold.ts';
import type { Hold } from './hold.ts';

/** Named differences of a folder; the counts go on. */
const mostNamed = 1000;

/** A folder that a check is to compare. */
export interface CheckTask {
  checkId: string;
  folderId: string;
  ref: string;
  name: string;
  streamRef: string;
  importing: boolean;
}

/** What one difference was, and what became of it. */
export interface Noted {
  kind: DifferenceKind;
  epoch?: string;
  ref?: string;
  before?: string;
  after?: string;
  repaired: boolean;
}

/** By itself a connection is checked once a day, each at a time of its own; one that was broken off an hour ago begins again. */
export async function beginDaily(hold: Hold): Promise<void> {
  await sql`
    insert into mailbox_check (account_id, connection_id)
    select c.account_id, c.id from connection c
    left join lateral (
      select k.asked_at, k.error from mailbox_check k where k.account_id = c.account_id and k.connection_id = c.id
      order by k.asked_at desc limit 1) latest on true
    where c.account_id = ${hold.accountId} and c.id = ${hold.connectionId}
      and coalesce(latest.asked_at, c.started_at) < now() - case when latest.error is not null then interval '1 hour'
        else interval '22 hours' + make_interval(mins => abs(hashtext(c.id::text) % 240)) end
    on conflict (account_id, connection_id) where ended_at is null do nothing`.execute(hold.db);
}

export async function nextTask(hold: Hold): Promise<CheckTask | null> {
  return await loadTask(hold, sql`not coalesce(c.done, false)`);
}

/** The same folder as it is called by now; null: it is gone, or isn't chosen any more. */
export async function taskNow(hold: Hold, { folderId }: CheckTask): Promise<CheckTask | null> {
  return await loadTask(hold, sql`f.id = ${folderId}`);
}

async function loadTask(hold: Hold, which: RawBuilder<unknown>): Promise<CheckTask | null> {
  const { rows } = await sql<CheckTask>`
    select k.id as "checkId", f.id as "folderId", f.ref, f.name, s.ref as "streamRef",
      exists (select from history h where h.account_id = k.account_id and h.connection_id = k.connection_id
        and h.state in ('running', 'paused')) as importing
    from mailbox_check k
    join folder f on f.account_id = k.account_id and f.connection_id = k.connection_id and f.chosen and f.gone_at is null
    join stream s on s.account_id = f.account_id and s.id = f.stream_id
    left join mailbox_check_folder c on c.account_id = k.account_id and c.check_id = k.id and c.folder_id = f.id
    where k.account_id = ${hold.accountId} and k.connection_id = ${hold.connectionId} and k.ended_at is null and ${which}
    order by f.role = 'inbox' desc nulls last, f.ref
    limit 1`.execute(hold.db);
  return rows[0] ?? null;
}

/** The folder is listed from the newest; what was repaired before a restart stays counted. */
export async function begin(hold: Hold, task: CheckTask): Promise<void> {
  await inHold(hold, async (trx) => {
    await sql`update mailbox_check set started_at = coalesce(started_at, now())
      where account_id = ${hold.accountId} and id = ${task.checkId}`.execute(trx);
    await sql`
      insert into mailbox_check_folder (account_id, connection_id, check_id, folder_id)
      values (${hold.accountId}, ${hold.connectionId}, ${task.checkId}, ${task.folderId})
      on conflict (account_id, check_id, folder_id) do update set listed = 0, in_ledger = 0`.execute(trx);
    await tellOf(trx, hold);
  });
}

export async function count(hold: Hold, task: CheckTask, listed: number, inLedger: number): Promise<void> {
  await sql`
    update mailbox_check_folder set listed = listed + ${listed}, in_ledger = in_ledger + ${inLedger}
    where account_id = ${hold.accountId} and check_id = ${task.checkId} and folder_id = ${task.folderId} and ${isHeld(hold)}`.execute(
    hold.db,
  );
}

export async function note(
  trx: Trx,
  hold: Hold,
  task: CheckTask,
  noted: readonly Noted[],
  recovered = 0,
): Promise<void> {
  const repaired = noted.filter((one) => one.repaired).length;
  const gone = noted.filter((one) => one.kind === 'row_without_message').length;
  await sql`
    with counted as (
      update mailbox_check_folder set differences = differences + ${noted.length}, repaired = repaired + ${repaired}, recovered = recovered + ${recovered},
        gone = gone + ${gone}
      where account_id = ${hold.accountId} and check_id = ${task.checkId} and folder_id = ${task.folderId}
      returning differences
    )
    insert into mailbox_check_difference (account_id, check_id, folder_id, kind, epoch, ref, rule_before, rule_after)
    select ${hold.accountId}, ${task.checkId}, ${task.folderId}, d.kind, d.epoch, d.ref, d.before, d.after
    from json_to_recordset(${JSON.stringify(noted)}::json) as d(kind text, epoch text, ref text, before text, after text), counted
    where counted.differences <= ${mostNamed}`.execute(trx);
}

/** The rules of the rows at these places of one folder, by ref. */
export async function rulesNow(
  trx: Trx,
  accountId: string,
  candidates: readonly Candidate[],
): Promise<Map<string, string>> {
  const { rows } = await sql<{ ref: string; rule: string }>`
    select s.ref, s.rule from sighting s
    join unnest(${candidates.map((one) => one.folderId)}::uuid[], ${candidates.map((one) => one.place.epoch)}::text[],
      ${candidates.map((one) => one.place.ref)}::text[]) as place (folder_id, epoch, ref)
      on s.folder_id = place.folder_id and s.epoch = place.epoch and s.ref = place.ref
    where s.account_id = ${accountId}`.execute(trx);
  return new Map(rows.map(({ ref, rule }) => [ref, rule]));
}

/** Right before a folder is listed: the database's time, and the id of the account's latest row, which no later one of the folder has. */
export async function begunAt(hold: Hold): Promise<{ at: Date; last: string }> {
  const { rows } = await sql<{ at: Date; last: string }>`
    select now() as at, coalesce(max(id), 0) as last from sighting where account_id = ${hold.accountId}`.execute(
    hold.db,
  );
  return rows[0]!;
}

/** Its end, with the measure of silence (connections/health.ts). */
export async function endIfDone(hold: Hold): Promise<void> {
  const under = await hold.db
    .selectFrom('mailbox_check')
    .select('id')
    .where('account_id', '=', hold.accountId)
    .where('connection_id', '=', hold.connectionId)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  if (!under) return;
  // Before the transaction: it reads all rows of the mailbox, and the address lock is for everybody.
  const gap = await longestGap(hold);
  await inHold(hold, async (trx) => {
    await sql`
      update mailbox_check k set started_at = coalesce(started_at, now()), ended_at = now(), longest_gap = ${gap}
      where k.account_id = ${hold.accountId} and k.id = ${under.id} and k.ended_at is null and not exists (
        select from folder f
        left join mailbox_check_folder c on c.account_id = f.account_id and c.check_id = k.id and c.folder_id = f.id
        where f.account_id = k.account_id and f.connection_id = k.connection_id and f.chosen and f.gone_at is null
          and not coalesce(c.done, false))`.execute(trx);
    await tellOf(trx, hold);
  });
}

/** The longest time without mail in the last 30 days that had any, in seconds; null: fewer than two messages. */
async function longestGap({ db, accountId, connectionId }: Hold): Promise<number | null> {
  const { rows } = await sql<{ seconds: number | null }>`
    select extract(epoch from max(gap))::float8 as seconds from (
      select at - lag(at) over (order by at) as gap from (
        select coalesce(received_at, listed_at) as at, max(coalesce(received_at, listed_at)) over () as latest
        -- Folder by folder, for which there is an index: without "offset 0" all rows of the installation would be read.
        from folder f, lateral (select received_at, listed_at, class from sighting s where s.folder_id = f.id offset 0) s
        where f.account_id = ${accountId} and f.connection_id = ${connectionId} and s.class is distinct from 'history'
      ) mail where at > latest - interval '30 days'
    ) gaps`.execute(db);
  return rows[0]?.seconds ?? null;
}

export async function tellOf(trx: Trx, { accountId, connectionId }: Hold): Promise<void> {
  await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
}

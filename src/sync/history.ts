/**
 * Imports of history (spec B11): what was asked for of the time before a connection's start. Newest first, one folder after the other once each has been
 * counted, in steps of one transaction each, which take in rows and the place in the folder together: a process that is killed loses and repeats nothing.
 */
import { sql } from 'kysely';
import { loadAsked } from '../connections/history.ts';
import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';
import { removeUnnamed } from '../log/remove-unnamed.ts';
import type { Mailbox, PastPage } from '../providers/provider.ts';
import { EpochChanged, ProviderError } from '../providers/provider.ts';
import type { Candidate } from './candidate.ts';
import { candidatesOf, shortError } from './candidate.ts';
import type { Suspects } from './fetch-bodies.ts';
import { Fenced, inHold } from './hold.ts';
import type { Hold } from './hold.ts';
import { noteEpochs, storing } from './ingest.ts';
import { inParts } from './parts.ts';
import { pauseOf, policyOf } from './policy.ts';
import { storeCandidates } from './store.ts';
import { loadStreams } from './streams.ts';
import type { SyncStream } from './streams.ts';
import { ahead, fetchAll, share } from './sync-stream.ts';
import { wantedBodies } from './wanted.ts';

/** Live mail waits for one step at most, so a step fetches only so many bodies. */
const mostBodies = 64;
const day = 86_400_000;
const toldEvery = 1000;
/** How long the live stream gets to take in a new numbering. */
const renumberedMs = 2000;

export interface Step {
  /** False: there is nothing to do now. */
  worked: boolean;
  /** Rows are to be decided anew at once. */
  due: boolean;
  /** This stream's numbering has changed: it is to be asked first. */
  stale: string | null;
}

/** A folder that is still to be listed, and how far it has come. */
interface Task {
  historyId: string;
  since: Date | null;
  until: Date | null;
  folderId: string;
  ref: string;
  name: string;
  streamRef: string;
  position: string | null;
  counted: boolean;
  /** Other folders aren't counted yet. */
  othersToCount: boolean;
}

/** The import of one open mailbox, step by step: between any two of them whatever is live has its turn. */
export class HistoryImport {
  private readonly hold: Hold;
  private readonly mailbox: Mailbox;
  private readonly suspects: Suspects;
  private steps: AsyncGenerator<Omit<Step, 'worked'>> | null = null;
  private task: Task | null = null;
  /** Folders in trouble, by id. */
  private readonly resting = new Map<string, { until: number; failures: number }>();
  private nothingToDo = false;
  private toldAt = 0;

  constructor(hold: Hold, mailbox: Mailbox, suspects: Suspects) {
    this.hold = hold;
    this.mailbox = mailbox;
    this.suspects = suspects;
  }

  /** Something was asked for, paused or cancelled, or the choice of folders has changed. */
  async reload(): Promise<void> {
    this.resting.clear();
    this.lookAgain();
    await this.close();
  }

  /** A folder may have become readable. */
  lookAgain(): void {
    this.nothingToDo = false;
  }

  async close(): Promise<void> {
    const { steps } = this;
    this.steps = null;
    await steps?.return(undefined).catch(() => {});
  }

  /** Takes in the next part. Throws what concerns the whole mailbox, and Fenced. */
  async step(): Promise<Step> {
    const nothing = { worked: false, due: false, stale: null };
    if (this.nothingToDo && this.idleFor() > 0) return nothing;
    try {
      this.steps ??= this.run();
      const { done, value } = await this.steps.next();
      if (!done) return { worked: true, ...value };
      this.steps = null;
      this.nothingToDo = true;
      // Whose time has come and which isn't asked for any more must not keep the loop awake.
      for (const [id, { until }] of this.resting) if (until <= Date.now()) this.resting.delete(id);
      return nothing;
    } catch (error) {
      this.steps = null;
      if (error instanceof Fenced || policyOf(error).whole || this.task === null) throw error;
      await this.rest(this.task, error);
      return { ...nothing, worked: true };
    }
  }

  /** Milliseconds until a folder in trouble is tried again. */
  idleFor(): number {
    return Math.min(Infinity, ...[...this.resting.values()].map(({ until }) => until - Date.now()));
  }

  private async *run(): AsyncGenerator<Omit<Step, 'worked'>> {
    for (;;) {
      this.task = null;
      const now = Date.now();
      const resting = [...this.resting].filter(([, { until }]) => until > now).map(([id]) => id);
      const task = await nextTask(this.hold, resting);
      if (task === null) return await this.endIfDone();
      // What was asked for a moment ago, before anybody was told, is decided by as well.
      this.hold.history = await loadAsked(this.hold.db, this.hold.accountId, this.hold.connectionId);
      this.task = task;
      try {
        yield* this.listFolder(task);
      } catch (error) {
        if (!(error instanceof EpochChanged)) throw error;
        yield this.waitForStream(task);
      }
    }
  }

  private async *listFolder(task: Task): AsyncGenerator<Omit<Step, 'worked'>> {
    const { hold, mailbox } = this;
    const [stream] = await loadStreams(hold.db, hold.accountId, hold.connectionId, task.streamRef);
    const folder = stream?.folders.get(task.ref);
    if (!stream || !folder) return;
    const range = {
      since: task.since ?? new Date(0),
      until: task.until ?? new Date(hold.startedAt.getTime() + day),
      cursor: stream.cursor ?? stream.startCursor,
      position: task.position,
    };
    let commitAt = Date.now();
    // Listed since the place last moved: should it stop here, all of this is listed again.
    let unplaced = 0;
    let { position } = task;
    for await (const page of ahead(
      mailbox.past({ ref: task.ref, name: task.name, role: folder.role, selectable: true }, range),
    )) {
      const candidates = await historyOf(hold, mailbox, stream, page);
      const epoch = candidates.find(({ folderId }) => folderId === task.folderId)?.place.epoch ?? folder.epoch;
      if (folder.epoch !== '' && epoch !== folder.epoch) {
        return yield this.waitForStream(task);
      }
      const bodies = new Set(await wantedBodies(hold, candidates));
      const parts = inParts(candidates, bodies, mostBodies);
      unplaced += candidates.length;
      const moves = page.position !== position;
      for (const [i, part] of parts.entries()) {
        const counts = { listed: candidates.length, placed: moves ? unplaced : 0, unplaced: moves ? 0 : unplaced };
        const last = i === parts.length - 1 ? { page, ...counts } : null;
        await fetchAll(
          this.hold,
          this.mailbox,
          part.filter((one) => bodies.has(one)),
          this.suspects,
        );
        share(hold, part);
        const seconds = (Date.now() - commitAt) / 1000;
        const stored = await storing(hold, part, () =>
          inHold(
            hold,
            async (trx) => {
              await noteEpochs(trx, hold, stream, part);
              await beginCursor(trx, hold, stream);
              const result = await storeCandidates(trx, hold, part);
              await noteProgress(trx, hold, task, { epoch, logged: result.logged, last, seconds });
              await this.tell(trx);
              return result;
            },
            part,
          ),
        );
        await removeUnnamed(hold.db, hold.blobs, hold.accountId, stored.unnamed);
        for (const { place } of part) stream.folders.get(place.folder)!.epoch = place.epoch;
        if (last) commitAt = Date.now();
        yield { due: stored.due, stale: null };
      }
      if (moves) unplaced = 0;
      position = page.position;
      // Each folder is counted before any is listed to its end.
      if (!task.counted && task.othersToCount && page.left > 0) return;
    }
    await this.finish(task);
    this.resting.delete(task.folderId);
  }

  /** The folder was renumbered: it is begun anew once the live stream has taken that in. */
  private waitForStream({ folderId, streamRef }: Task): Omit<Step, 'worked'> {
    this.resting.set(folderId, { until: Date.now() + renumberedMs, failures: 0 });
    return { due: false, stale: streamRef };
  }

  private async finish(task: Task): Promise<void> {
    const { hold } = this;
    await inHold(hold, async (trx) => {
      await sql`
        insert into history_folder (account_id, connection_id, history_id, folder_id, epoch, remaining, done)
        select account_id, connection_id, ${task.historyId}, id, epoch, 0, true from folder
        where account_id = ${hold.accountId} and id = ${task.folderId}
        on conflict (account_id, history_id, folder_id) do update set remaining = 0, done = true, error = null`.execute(
        trx,
      );
      await tellOf(trx, hold);
    });
  }

  /** It also ends when what was left of it is no longer there, or no longer chosen. */
  private async endIfDone(): Promise<void> {
    const { hold } = this;
    const running = await hold.db
      .selectFrom('history')
      .select('id')
      .where('account_id', '=', hold.accountId)
      .where('connection_id', '=', hold.connectionId)
      .where('state', '=', 'running')
      .executeTakeFirst();
    if (!running) return;
    await inHold(hold, async (trx) => {
      await sql`
        update history h set state = 'done', ended_at = now(), rate = null
        where h.account_id = ${hold.accountId} and h.id = ${running.id} and h.state = 'running' and not exists (
          select from folder f
          left join history_folder hf on hf.account_id = f.account_id and hf.history_id = h.id and hf.folder_id = f.id
          where f.account_id = h.account_id and f.connection_id = h.connection_id and f.chosen and f.gone_at is null
            and not coalesce(hf.done, false))`.execute(trx);
      await tellOf(trx, hold);
    });
  }

  private async rest(task: Task, error: unknown): Promise<void> {
    const { hold } = this;
    const failures = (this.resting.get(task.folderId)?.failures ?? 0) + 1;
    const { pause } = policyOf(error);
    const ms = pause === 'sign-in' ? 0 : pauseOf(error, pause, failures);
    this.resting.set(task.folderId, { until: Date.now() + ms, failures });
    const text = error instanceof ProviderError ? shortError(error.message) : 'Something went wrong here.';
    await inHold(hold, async (trx) => {
      await sql`
        insert into history_folder (account_id, connection_id, history_id, folder_id, epoch, error)
        select account_id, connection_id, ${task.historyId}, id, epoch, ${text} from folder
        where account_id = ${hold.accountId} and id = ${task.folderId}
        on conflict (account_id, history_id, folder_id) do update set error = excluded.error`.execute(trx);
      await tellOf(trx, hold);
    });
  }

  /** Screens need not hear of every step. */
  private async tell(trx: Trx): Promise<void> {
    if (Date.now() < this.toldAt + toldEvery) return;
    this.toldAt = Date.now();
    await tellOf(trx, this.hold);
  }
}

/** What of a page is history: the rest belongs to the live stream, which alone decides about it. */
async function historyOf(hold: Hold, mailbox: Mailbox, stream: SyncStream, page: PastPage): Promise<Candidate[]> {
  const candidates = await candidatesOf(hold, mailbox, stream, page.listed);
  return candidates.filter(({ ownClass }) => ownClass === 'history');
}

/** A stream in which nothing has happened since the start has no cursor of its own yet: no rows without one. */
async function beginCursor(trx: Trx, hold: Hold, stream: SyncStream): Promise<void> {
  if (stream.cursor !== null) return;
  await sql`
    update stream set cursor = start_cursor where account_id = ${hold.accountId} and id = ${stream.id} and cursor is null`.execute(
    trx,
  );
}

/** Of the import that runs the folder to go on with; those that aren't counted yet come first. A stream that hasn't been read yet comes first itself. */
async function nextTask(hold: Hold, resting: readonly string[]): Promise<Task | null> {
  const { rows } = await sql<Task>`
    select h.id as "historyId", h.since, h.until, f.id as "folderId", f.ref, f.name, s.ref as "streamRef",
      case when hf.epoch = f.epoch then hf.position end as position, hf.remaining is not null as counted,
      count(*) filter (where hf.remaining is null) over () > 1 as "othersToCount"
    from history h
    join folder f on f.account_id = h.account_id and f.connection_id = h.connection_id and f.chosen and f.gone_at is null
    join stream s on s.account_id = f.account_id and s.id = f.stream_id
    left join history_folder hf on hf.account_id = h.account_id and hf.history_id = h.id and hf.folder_id = f.id
    where h.account_id = ${hold.accountId} and h.connection_id = ${hold.connectionId} and h.state = 'running'
      and not coalesce(hf.done, false) and coalesce(s.cursor, s.start_cursor) <> '' and not f.id = any(${resting}::uuid[])
    order by hf.remaining is not null, f.role = 'inbox' desc nulls last, f.ref
    limit 1`.execute(hold.db);
  return rows[0] ?? null;
}

/** A page, how many messages it listed, and how many the folder's place has passed with it or has still to pass. */
interface LastPart {
  page: PastPage;
  listed: number;
  placed: number;
  unplaced: number;
}

/**
 * The place in the folder moves with the last part of a page, and with it what counts as listed; a folder with a new epoch is counted from the beginning.
 */
async function noteProgress(
  trx: Trx,
  hold: Hold,
  task: Task,
  step: { epoch: string; logged: number; last: LastPart | null; seconds: number },
): Promise<void> {
  const { last } = step;
  await sql`
    insert into history_folder as hf (account_id, connection_id, history_id, folder_id, epoch, position, listed, logged, remaining)
    values (${hold.accountId}, ${hold.connectionId}, ${task.historyId}, ${task.folderId}, ${step.epoch}, ${last?.page.position ?? null},
      ${last?.placed ?? 0}, ${step.logged}, ${last ? last.page.left + last.unplaced : null})
    on conflict (account_id, history_id, folder_id) do update set
      epoch = excluded.epoch, error = null, logged = hf.logged + excluded.logged,
      listed = case when hf.epoch = excluded.epoch then hf.listed else 0 end + excluded.listed,
      position = case when ${last !== null} then excluded.position when hf.epoch = excluded.epoch then hf.position end,
      remaining = case when ${last !== null} then excluded.remaining else hf.remaining end`.execute(trx);
  if (last === null) return;
  const rate = last.listed / Math.max(step.seconds, 0.001);
  await sql`
    update history set progressed_at = now(),
      rate = case when rate is null or progressed_at < now() - interval '1 minute' then ${rate}::float8 else rate * 0.8 + ${rate}::float8 * 0.2 end
    where account_id = ${hold.accountId} and id = ${task.historyId}`.execute(trx);
}

async function tellOf(trx: Trx, { accountId, connectionId }: Hold): Promise<void> {
  await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
}

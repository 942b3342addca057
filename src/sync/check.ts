/**
 * "Check mailbox" (spec B1): compares what the server has since the connection's start with the ledger and the log, and repairs what differs. It runs in the connection's
 * own loop, a page at a time, so it can't race the ingest and live mail goes before it. What was asked for is a row, so a restart only begins the folder anew.
 */
import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { removeUnnamed } from '../log/remove-unnamed.ts';
import type { Mailbox } from '../providers/provider.ts';
import { EpochChanged, ProviderError } from '../providers/provider.ts';
import type { Candidate } from './candidate.ts';
import { candidatesOf, shortError } from './candidate.ts';
import {
  begin,
  beginDaily,
  count,
  endIfDone,
  begunAt,
  nextTask,
  note,
  rulesNow,
  taskNow,
  tellOf,
} from './check-rows.ts';
import type { CheckTask, Noted } from './check-rows.ts';
import { compare, removeUnseen, toRepair } from './compare.ts';
import type { Found } from './compare.ts';
import type { Suspects } from './fetch-bodies.ts';
import { Fenced, inHold } from './hold.ts';
import type { Hold } from './hold.ts';
import { storing } from './ingest.ts';
import { carryOver, markVanished } from './ledger.ts';
import { inParts } from './parts.ts';
import { policyOf } from './policy.ts';
import { storeCandidates } from './store.ts';
import { loadStreams } from './streams.ts';
import type { SyncStream } from './streams.ts';
import { ahead, earliest, fetchAll, share, syncStream } from './sync-stream.ts';
import { wantedBodies } from './wanted.ts';

/** Live mail waits for one step at most. */
const mostBodies = 64;
const rowsAtOnce = 2000;
/** A folder whose numbering changes while it is listed is begun anew so many times. */
const mostBeginnings = 3;

/** The checks of one open mailbox, step by step: between any two of them whatever is live has its turn. */
export class MailboxChecking {
  private readonly hold: Hold;
  private readonly mailbox: Mailbox;
  private readonly suspects: Suspects;
  private steps: AsyncGenerator<{ due: boolean }> | null = null;
  private task: CheckTask | null = null;
  private nothingToDo = false;

  constructor(hold: Hold, mailbox: Mailbox, suspects: Suspects) {
    this.hold = hold;
    this.mailbox = mailbox;
    this.suspects = suspects;
  }

  /** One may have been asked for, or be due by itself. */
  lookAgain(): void {
    this.nothingToDo = false;
  }

  async close(): Promise<void> {
    const { steps } = this;
    this.steps = null;
    await steps?.return(undefined).catch(() => {});
  }

  /** Checks the next part; `worked` false: there is nothing to do. Throws what concerns the whole mailbox, and Fenced. */
  async step(): Promise<{ worked: boolean; due: boolean }> {
    if (this.steps === null && this.nothingToDo) return { worked: false, due: false };
    try {
      this.steps ??= this.run();
      const { done, value } = await this.steps.next();
      if (!done) return { worked: true, due: value.due };
      this.steps = null;
      this.nothingToDo = true;
      return { worked: false, due: false };
    } catch (error) {
      this.steps = null;
      if (error instanceof Fenced || policyOf(error).whole || this.task === null) throw error;
      await this.giveUp(this.task, error);
      return { worked: true, due: false };
    }
  }

  private async *run(): AsyncGenerator<{ due: boolean }> {
    await beginDaily(this.hold);
    for (;;) {
      this.task = null;
      const task = await nextTask(this.hold);
      if (task === null) {
        await endIfDone(this.hold);
        return;
      }
      this.task = task;
      yield* this.checkFolder(task);
    }
  }

  private async *checkFolder(task: CheckTask): AsyncGenerator<{ due: boolean }> {
    for (let beginning = 1; beginning <= mostBeginnings; beginning += 1) {
      try {
        const whole = yield* this.listFolder(task);
        if (whole) return;
      } catch (error) {
        if (!(error instanceof EpochChanged)) throw error;
      }
      // It may have been renamed meanwhile.
      task = (await taskNow(this.hold, task)) ?? task;
    }
    throw new ProviderError('protocol', 'The server keeps renumbering this folder.');
  }

  /** False: the folder's name or numbering has changed meanwhile. */
  private async *listFolder(task: CheckTask): AsyncGenerator<{ due: boolean }, boolean> {
    const { hold, mailbox } = this;
    await begin(hold, task);
    const before = await this.streamOf(task);
    if (!before) return await this.finishUnlessRenamed(task);
    const uncovered = await this.uncovered(task, before);
    // What is merely new is no difference.
    yield await this.catchUp(task);

    const stream = await this.streamOf(task);
    const folder = stream?.folders.get(task.ref);
    if (!stream || !folder?.chosen) return await this.finishUnlessRenamed(task);
    const begun = await begunAt(hold);
    const since = earliest(hold);
    // Row ids: a few dozen bytes a message.
    const seen = new Set<number>();
    const covers = ({ place }: Candidate) => before.cursor !== null && mailbox.predates(place, before.cursor) === true;
    let newest = true;
    const range = { since, cursor: stream.cursor ?? stream.startCursor, position: null };
    const listing = mailbox.past({ ref: task.ref, name: task.name, role: folder.role, selectable: true }, range);
    for await (const page of ahead(listing)) {
      const all = await candidatesOf(hold, mailbox, stream, page.listed);
      const candidates = all.filter(({ folderId }) => folderId === task.folderId);
      if (candidates.some(({ place }) => folder.epoch !== '' && place.epoch !== folder.epoch)) return false;
      if (folder.unsteady) await inHold(hold, (trx) => carryOver(trx, hold.accountId, candidates));
      const { differences, rowIds } = await this.compareAll(candidates, { ...task, begun: begun.at });
      for (const id of rowIds) seen.add(Number(id));
      const missed = new Set(differences.flatMap(({ kind, candidate }) => (kind === 'missing_row' ? candidate : [])));
      await count(hold, task, candidates.length, candidates.length - missed.size);
      // The newest one of all has no row, though the cursor covers it.
      const [first] = candidates;
      const passed = newest && first !== undefined && missed.has(first) && covers(first);
      newest &&= first === undefined;
      if (differences.length === 0) yield { due: false };
      else yield* this.repair({ ...task, begun: begun.at }, differences, passed);
    }
    if (uncovered.some((id) => seen.has(id))) {
      await inHold(hold, (trx) => note(trx, hold, task, [{ kind: 'cursor_behind', repaired: true }]));
    }
    yield* this.findVanished(task, folder.epoch, since, begun.last, seen);
    return await this.finish(task);
  }

  /** The live stream goes first: what differs still after it is a difference. */
  private async *repair(task: BegunTask, found: readonly Found[], passed: boolean): AsyncGenerator<{ due: boolean }> {
    const { hold } = this;
    yield await this.catchUp(task);
    const again = await this.compareAll(
      found.map(({ candidate }) => candidate),
      task,
    );
    const candidates = again.differences.map(({ candidate }) => candidate);
    const bodies = new Set(await wantedBodies(hold, candidates));
    for (const [i, part] of inParts(candidates, bodies, mostBodies).entries()) {
      await fetchAll(
        this.hold,
        this.mailbox,
        part.filter((one) => bodies.has(one)),
        this.suspects,
      );
      share(hold, part);
      const { unnamed, due } = await storing(hold, part, () =>
        inHold(hold, (trx) => this.putRight(trx, task, part, passed && i === 0), part),
      );
      await removeUnnamed(hold.db, hold.blobs, hold.accountId, unnamed);
      yield { due };
    }
  }

  /** compare(), for as many at a time as one transaction would take in. */
  private async compareAll(candidates: readonly Candidate[], task: BegunTask): ReturnType<typeof compare> {
    const all: Awaited<ReturnType<typeof compare>> = { differences: [], rowIds: [] };
    for (const part of inParts(candidates)) {
      const { differences, rowIds } = await compare(this.hold.db, this.hold, part, task);
      all.differences.push(...differences);
      all.rowIds.push(...rowIds);
    }
    return all;
  }

  private async putRight(trx: Trx, task: BegunTask, part: readonly Candidate[], passed: boolean) {
    const { hold } = this;
    const { differences } = await compare(trx, hold, part, task);
    if (differences.length === 0) return { unnamed: [], due: false };
    const repaired = await toRepair(trx, hold, differences);
    const stored = await storeCandidates(trx, hold, repaired);
    const after = await rulesNow(trx, hold.accountId, repaired);
    const noted: Noted[] = differences.map(({ kind, candidate, row }) => ({
      kind,
      epoch: candidate.place.epoch,
      ref: candidate.place.ref,
      before: row?.rule,
      after: after.get(candidate.place.ref),
      repaired: after.has(candidate.place.ref),
    }));
    if (passed) noted.unshift({ kind: 'cursor_ahead', repaired: true });
    await note(trx, hold, task, noted, stored.logged);
    const unnamed = await removeUnseen(
      trx,
      hold.accountId,
      differences.map(({ row }) => row?.messageId ?? null),
    );
    return { unnamed: [...unnamed, ...stored.unnamed], due: stored.due };
  }

  /** Rows that were there before the listing and weren't in it. */
  private async *findVanished(
    task: CheckTask,
    epoch: string,
    since: Date,
    last: string,
    seen: ReadonlySet<number>,
  ): AsyncGenerator<{ due: boolean }> {
    const { hold } = this;
    // By their places, for which there is an index: by id the rows of all other mailboxes would be passed over.
    for (let after = ''; ;) {
      const { rows } = await sql<{ id: string; ref: string; rule: string }>`
        select id, ref, rule from sighting
        where account_id = ${hold.accountId} and folder_id = ${task.folderId} and epoch = ${epoch} and received_at >= ${since}
          and vanished_at is null and superseded_at is null and class is distinct from 'history' and ref > ${after} and id <= ${last}
        order by ref limit ${rowsAtOnce}`.execute(hold.db);
      const gone = rows.filter(({ id }) => !seen.has(Number(id)));
      if (gone.length > 0) {
        const places = gone.map(({ ref }) => ({ folderId: task.folderId, place: { folder: task.ref, epoch, ref } }));
        await inHold(hold, async (trx) => {
          await markVanished(trx, hold.accountId, places);
          const noted = gone.map(({ ref, rule }) => ({ epoch, ref, before: rule, after: rule }));
          await note(
            trx,
            hold,
            task,
            noted.map((one) => ({ ...one, kind: 'row_without_message' as const, repaired: true })),
          );
        });
      }
      if (rows.length < rowsAtOnce) return;
      after = rows.at(-1)!.ref;
      yield { due: gone.length > 0 };
    }
  }

  private async catchUp(task: CheckTask): Promise<{ due: boolean }> {
    const { due } = await syncStream(this.hold, this.mailbox, task.streamRef, this.suspects);
    return { due };
  }

  private async streamOf(task: CheckTask): Promise<SyncStream | undefined> {
    const { db, accountId, connectionId } = this.hold;
    return (await loadStreams(db, accountId, connectionId, task.streamRef))[0];
  }

  /** Of the folder's latest rows those that the cursor doesn't cover, though both are written together. */
  private async uncovered(task: CheckTask, { cursor }: SyncStream): Promise<number[]> {
    if (cursor === null) return [];
    const { rows } = await sql<{ id: string; epoch: string; ref: string }>`
      select id, epoch, ref from (
        -- Else the rows of all other mailboxes that are later would be passed over one by one.
        select id, epoch, ref, vanished_at, superseded_at, class from sighting
        where account_id = ${this.hold.accountId} and folder_id = ${task.folderId} offset 0
      ) s
      where vanished_at is null and superseded_at is null and class is distinct from 'history'
      order by id desc limit 20`.execute(this.hold.db);
    const uncovered = rows.filter((row) => this.mailbox.predates({ folder: task.ref, ...row }, cursor) === false);
    return uncovered.map(({ id }) => Number(id));
  }

  /** Under its name there is nothing to check. */
  private async finishUnlessRenamed(task: CheckTask): Promise<boolean> {
    const now = await taskNow(this.hold, task);
    return now === null || now.ref === task.ref ? await this.finish(task) : false;
  }

  private async finish(task: CheckTask): Promise<true> {
    await inHold(this.hold, async (trx) => {
      await sql`
        update mailbox_check_folder set done = true
        where account_id = ${this.hold.accountId} and check_id = ${task.checkId} and folder_id = ${task.folderId}`.execute(
        trx,
      );
      await tellOf(trx, this.hold);
    });
    return true;
  }

  /** The check goes on without a folder that can't be read, and says so. */
  private async giveUp(task: CheckTask, error: unknown): Promise<void> {
    const text = error instanceof ProviderError ? shortError(error.message) : 'Something went wrong here.';
    await inHold(this.hold, async (trx) => {
      await sql`
        update mailbox_check_folder set done = true, error = ${text}
        where account_id = ${this.hold.accountId} and check_id = ${task.checkId} and folder_id = ${task.folderId}`.execute(
        trx,
      );
      await tellOf(trx, this.hold);
    });
  }
}

type BegunTask = CheckTask & { begun: Date };

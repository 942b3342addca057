import { sql } from 'kysely';
import type { Mailbox, Stream } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider.ts';
import { loadAsked } from '../connections/history.ts';
import { endOutage } from '../connections/outages.ts';
import { loadTrust } from '../connections/sender-check.ts';
import type { Bell } from './bell.ts';
import { shortError } from './candidate.ts';
import { MailboxChecking } from './check.ts';
import type { SyncDeps } from './deps.ts';
import { decideDue, nextDueIn } from './due.ts';
import type { Suspects } from './fetch-bodies.ts';
import { HistoryImport } from './history.ts';
import { Fenced, inHold, isHeld } from './hold.ts';
import type { Hold } from './hold.ts';
import { learnTrust } from './learn-authserv.ts';
import { pauseOf, policyOf } from './policy.ts';
import { refreshFolders } from './refresh-folders.ts';
import { asStream, loadStreams } from './streams.ts';
import type { SyncStream } from './streams.ts';
import { syncStream } from './sync-stream.ts';

const minute = 60_000;
/** Folders come and go rarely, and listing them is the most that a sweep asks. */
const foldersEvery = 10 * minute;
const notedEvery = minute;
/** Whose word counts about senders is looked for again while it isn't known. */
const learnEvery = 12 * 60 * minute;

/** An open mailbox at work: which streams are to be asked, which rest, and when the next sweep is. */
export class OpenMailbox {
  private readonly deps: SyncDeps;
  private readonly hold: Hold;
  private readonly mailbox: Mailbox;
  private readonly suspects: Suspects;
  private readonly bell: Bell;
  /** Refs of streams that are to be asked. */
  private readonly pending = new Set<string>();
  /** Streams in trouble, by ref. */
  private readonly resting = new Map<string, { until: number; failures: number }>();
  private readonly history: HistoryImport;
  private readonly checking: MailboxChecking;
  private chosen: ReadonlySet<string> = new Set();
  private unwatch: (() => Promise<void>) | null = null;
  /** What is watched, as text; null: it has to be watched anew. */
  private watched: string | null = null;
  private broken: unknown = null;
  private due = true;
  /** New sightings since the last note. */
  private news = false;
  /** Everything has been read once. */
  private caughtUp = false;
  private sweepAt = 0;
  private foldersAt = 0;
  private learnAt = 0;
  private notedAt = 0;
  private closed = false;
  /** Called once, when something could be read. */
  private onReadable: (() => Promise<void>) | null;

  constructor(
    deps: SyncDeps,
    hold: Hold,
    mailbox: Mailbox,
    suspects: Suspects,
    bell: Bell,
    onReadable: () => Promise<void> = async () => {},
  ) {
    this.deps = deps;
    this.hold = hold;
    this.mailbox = mailbox;
    this.suspects = suspects;
    this.bell = bell;
    this.onReadable = onReadable;
    this.history = new HistoryImport(hold, mailbox, suspects);
    this.checking = new MailboxChecking(hold, mailbox, suspects);
  }

  /** Refreshes the folders, puts all chosen streams on the list and watches them. */
  async begin(): Promise<void> {
    await this.refresh();
    await this.reload();
    this.sweepAt = Date.now() + this.sweepMs();
  }

  /** Rows may have become due. */
  lookForRows(): void {
    this.due = true;
  }

  /** A check or history may have been asked for, or another answer to whose word counts about senders, or rows become due. */
  async lookForWork(): Promise<void> {
    this.lookForRows();
    this.hold.history = await loadAsked(this.hold.db, this.hold.accountId, this.hold.connectionId);
    await this.history.reload();
    const trusted = this.hold.trust;
    this.hold.trust = await loadTrust(this.hold.db, this.hold.accountId, this.hold.connectionId);
    // A person asked for it to be found out again.
    if (this.hold.trust !== null && this.hold.trust.authserv === null && trusted?.authserv !== null) this.learnAt = 0;
    this.checking.lookAgain();
  }

  /** Anything may have changed, the choice of folders too. */
  async reload(): Promise<void> {
    await this.lookForWork();
    const streams = await loadStreams(this.hold.db, this.hold.accountId, this.hold.connectionId);
    this.chosen = new Set(streams.map((stream) => stream.ref));
    for (const ref of this.chosen) this.pending.add(ref);
    this.resting.clear();
    await this.watch(streams);
  }

  /** A watch costs a connection, and nothing is heard until it stands: the one that there is goes on where it can. */
  private async watch(streams: readonly SyncStream[]): Promise<void> {
    const watched = JSON.stringify(streams.map(asStream));
    if (watched === this.watched) return;
    this.watched = null;
    await this.unwatch?.();
    this.unwatch = null;
    if (streams.length === 0) return;
    try {
      this.unwatch = await this.mailbox.watch(
        streams.map(asStream),
        (stream) => {
          this.pending.add(stream.ref);
          this.bell.ring();
        },
        (error) => {
          this.broken ??= error;
          this.bell.ring();
        },
      );
    } catch (error) {
      // Without push the sweep remains.
      if (!(error instanceof ProviderError && error.kind === 'unsupported')) throw error;
    }
    this.watched = watched;
  }

  /** Does what there is to do, until there is nothing or `interrupted` says so. Throws what concerns the whole mailbox. */
  async work(interrupted: () => boolean): Promise<void> {
    while (!interrupted()) {
      if (this.broken !== null) throw this.broken;
      if (Date.now() >= this.sweepAt) await this.sweep();
      if (Date.now() >= this.learnAt) await this.learn();
      const ref = this.nextPending();
      if (ref !== null) this.news = (await this.ask(ref)) > 0 || this.news;
      else if (this.due) this.due = (await decideDue(this.hold, this.mailbox, this.suspects)) > 0;
      // Only here: whoever was interrupted isn't in step yet.
      else return await this.noteSynced();
    }
  }

  /** Does a step of what gives way to live mail, a check before history; false: there is none to do now. Call it when work() has nothing left. */
  async giveWay(): Promise<boolean> {
    const checked = await this.checking.step();
    this.due ||= checked.due;
    if (checked.worked) return true;
    const { worked, due, stale } = await this.history.step();
    this.due ||= due;
    if (stale !== null) this.pending.add(stale);
    return worked;
  }

  /** Milliseconds until there is something to do by itself. */
  async idleFor(): Promise<number> {
    const now = Date.now();
    const dueIn = await nextDueIn(this.hold);
    if (dueIn === 0) this.due = true;
    const times = [this.sweepAt - now, ...[...this.resting.values()].map(({ until }) => until - now)];
    return Math.max(0, Math.min(...times, dueIn ?? Infinity, this.history.idleFor()));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.unwatch?.().catch(() => {});
    void this.history.close();
    void this.checking.close();
    await this.mailbox.close().catch(() => {});
  }

  private nextPending(): string | null {
    const now = Date.now();
    for (const ref of this.pending) if ((this.resting.get(ref)?.until ?? 0) <= now) return ref;
    return null;
  }

  /** Asks one stream; answers how many sightings are new. */
  private async ask(ref: string): Promise<number> {
    // Before the asking: a wake-up while it goes on means once more.
    this.pending.delete(ref);
    try {
      const synced = await syncStream(this.hold, this.mailbox, ref, this.suspects, () => this.noteReadable());
      await this.noteReadable();
      this.due ||= synced.due;
      if (this.resting.delete(ref)) {
        await this.noteTrouble(ref, null);
        this.history.lookAgain();
      }
      return synced.listed;
    } catch (error) {
      if (error instanceof Fenced || this.closed || policyOf(error).whole) throw error;
      await this.rest(ref, error);
      return 0;
    }
  }

  private async noteReadable(): Promise<void> {
    const { onReadable } = this;
    this.onReadable = null;
    await onReadable?.();
  }

  private async rest(ref: string, error: unknown): Promise<void> {
    if (error instanceof ProviderError && error.kind === 'gone') {
      await this.refresh();
      if (!this.chosen.has(ref)) return;
    }
    const failures = (this.resting.get(ref)?.failures ?? 0) + 1;
    const { pause } = policyOf(error);
    const ms = pause === 'sign-in' ? 0 : pauseOf(error, pause, failures);
    this.resting.set(ref, { until: Date.now() + ms, failures });
    this.pending.add(ref);
    this.deps.log.warn({ err: error, connectionId: this.hold.connectionId, stream: ref }, 'a folder could not be read');
    await this.noteTrouble(ref, error);
    // When nothing at all can be read, it is the mailbox.
    if ([...this.chosen].every((one) => this.resting.has(one))) throw error;
  }

  /** Before the first message is logged, and seldom again. */
  private async learn(): Promise<void> {
    this.learnAt = Date.now() + learnEvery;
    await learnTrust(this.hold, this.mailbox);
  }

  private async sweep(): Promise<void> {
    this.sweepAt = Date.now() + this.sweepMs();
    this.checking.lookAgain();
    if (Date.now() >= this.foldersAt) await this.refresh();
    const streams = await loadStreams(this.hold.db, this.hold.accountId, this.hold.connectionId);
    const known: { stream: Stream; cursor: string }[] = [];
    for (const stream of streams) {
      const cursor = stream.cursor ?? stream.startCursor;
      if (cursor === '') this.pending.add(stream.ref);
      else known.push({ stream: asStream(stream), cursor });
    }
    if (known.length > 0) for (const { ref } of await this.mailbox.stale(known)) this.pending.add(ref);
  }

  private async refresh(): Promise<void> {
    this.foldersAt = Date.now() + foldersEvery;
    await refreshFolders(this.hold, this.mailbox);
    this.history.lookAgain();
    const streams = await loadStreams(this.hold.db, this.hold.accountId, this.hold.connectionId);
    const before = this.chosen;
    this.chosen = new Set(streams.map((stream) => stream.ref));
    // Renamed, or back again: it is asked, and watched under its name of now.
    if (this.unwatch !== null && [...this.chosen].some((ref) => !before.has(ref))) {
      this.watched = null;
      await this.reload();
    }
    for (const ref of this.pending) if (!this.chosen.has(ref)) this.pending.delete(ref);
    for (const ref of this.resting.keys()) if (!this.chosen.has(ref)) this.resting.delete(ref);
  }

  private async noteTrouble(ref: string, error: unknown): Promise<void> {
    const text =
      error === null ? null : error instanceof ProviderError ? shortError(error.message) : 'Something went wrong here.';
    await sql`
      update stream set error = ${text}::text, error_since = case when ${text}::text is null then null else coalesce(error_since, now()) end
      where account_id = ${this.hold.accountId} and connection_id = ${this.hold.connectionId} and ref = ${ref} and ${isHeld(this.hold)}`.execute(
      this.hold.db,
    );
  }

  /** When it was last in step with the mailbox: at once with news, else once a minute. */
  private async noteSynced(): Promise<void> {
    if (!this.news && Date.now() < this.notedAt + notedEvery) return;
    if (!this.caughtUp) {
      await inHold(this.hold, (trx) => endOutage(trx, this.hold.accountId, this.hold.connectionId));
      this.caughtUp = true;
    }
    this.notedAt = Date.now();
    this.news = false;
    const { accountId, connectionId, db } = this.hold;
    const inStep = [...this.chosen].filter((ref) => !this.resting.has(ref));
    await sql`
      update connection set last_synced_at = now()
      where account_id = ${accountId} and id = ${connectionId} and fence = ${this.hold.fence}`.execute(db);
    await sql`
      update stream set last_synced_at = now()
      where account_id = ${accountId} and connection_id = ${connectionId} and ref = any(${inStep}::text[]) and ${isHeld(this.hold)}`.execute(
      db,
    );
  }

  private sweepMs(): number {
    return this.deps.sweepSeconds * 1000 * (0.9 + Math.random() / 5);
  }
}

import type { ImapFlow, MailboxObject } from 'imapflow';
import { ConnectionLost, Flooded, isLost } from './errors.ts';
import { notify } from './notify.ts';

/** What runs on a connection while nobody else does. It must only wait for the server: never for the reader of what it fetches. */
export type Task<T> = (client: ImapFlow, mailbox: MailboxObject | null) => Promise<T>;

/** Milliseconds between the end of a task and IDLE: the next task mostly follows at once, and breaking IDLE costs two round trips. */
const pause = 5;
const longestTask = 15 * 60_000;
/** Milliseconds between looks at how much has come, where that is bounded: a server nearby sends a few MB meanwhile. */
const floodCheck = 20;

/**
 * One connection: tasks run on it one after the other, folders are opened read-only, a server that stalls is hung up on. With keepIdle() it stays
 * in IDLE in between: imapflow by itself enters it 15 s after the last command only.
 */
export class Session {
  onNews: () => void = () => undefined;
  onClose: () => void = () => undefined;
  private readonly client: ImapFlow;
  private readonly timeoutMs: number;
  private readonly refreshMs: number;
  private selected: string | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private idleFolder: string | null = null;
  private idleTimer: NodeJS.Timeout | undefined;
  private refreshTimer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(client: ImapFlow, options: { timeoutSeconds: number; refreshSeconds: number }) {
    this.client = client;
    this.timeoutMs = options.timeoutSeconds * 1000;
    this.refreshMs = options.refreshSeconds * 1000;
    client.on('exists', () => this.onNews());
    client.on('expunge', () => this.onNews());
    client.on('mailboxClose', () => (this.selected = null));
    client.on('close', () => this.end());
    if (!client.usable) this.end();
  }

  get alive(): boolean {
    return !this.ended && this.client.usable;
  }

  /** Something runs, or waits to. */
  get busy(): boolean {
    return this.waiting > 0;
  }

  get canIdle(): boolean {
    return this.client.capabilities.has('IDLE') || this.client.enabled.has('IMAP4REV2');
  }

  /**
   * Runs a task with the folder open (`null`: whichever). `fresh` opens it anew, so that UIDVALIDITY and UIDNEXT are the server's of now.
   * Throws ConnectionLost, Flooded for more than `mostBytes`, or what the command threw.
   */
  run<T>(folder: string | null, task: Task<T>, options: { fresh?: boolean; mostBytes?: number } = {}): Promise<T> {
    this.waiting += 1;
    clearTimeout(this.idleTimer);
    const result = this.queue.then(async () => {
      try {
        return await this.watched(async () => {
          const mailbox = folder === null ? null : await this.open(folder, options.fresh ?? false);
          return task(this.client, mailbox);
        }, options.mostBytes);
      } finally {
        this.waiting -= 1;
        this.idleSoon();
      }
    });
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** From now on the connection waits in IDLE on the folder whenever nothing runs. */
  async keepIdle(folder: string): Promise<void> {
    this.idleFolder = folder;
    await this.run(folder, async () => undefined);
  }

  /** From now on the server tells of these folders, too, where it has NOTIFY; false: it doesn't. Throws what run() throws. */
  notify(folders: string[], news: () => void): Promise<boolean> {
    return this.run(null, (client) => notify(client, folders, news));
  }

  close(): void {
    this.end();
    this.client.close();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.idleTimer);
    clearTimeout(this.refreshTimer);
    this.onClose();
  }

  private async open(folder: string, fresh: boolean): Promise<MailboxObject> {
    const current = this.client.mailbox;
    if (!fresh && this.selected === folder && current) return current;
    // imapflow would ask for a folder that it does not know by LIST and LSUB first.
    const { folders } = this.client as unknown as { folders?: Map<string, { path: string }> };
    if (folders && !folders.has(folder)) folders.set(folder, { path: folder });
    this.selected = null;
    const mailbox = await this.client.mailboxOpen(folder, { readOnly: true });
    this.selected = folder;
    return mailbox;
  }

  /** Hangs up when nothing comes from the server for the time, too much comes, or the task never ends. */
  private async watched<T>(task: () => Promise<T>, mostBytes = Infinity): Promise<T> {
    if (!this.alive) throw new ConnectionLost(false);
    const began = Date.now();
    const before = this.client.stats().received;
    let [heard, heardAt] = [before, began];
    let [stalled, flooded] = [false, false];
    const watchdog = setInterval(
      () => {
        const { received } = this.client.stats();
        if (received !== heard) [heard, heardAt] = [received, Date.now()];
        stalled = Date.now() - heardAt >= this.timeoutMs || Date.now() - began >= longestTask;
        flooded = received - before > mostBytes;
        if (stalled || flooded) this.close();
      },
      mostBytes < Infinity ? floodCheck : Math.min(1000, this.timeoutMs / 4),
    );
    try {
      return await task();
    } catch (error) {
      if (flooded || error instanceof Flooded) {
        this.close();
        throw new Flooded();
      }
      const broken = stalled || !this.alive || isLost(error);
      if (!broken) throw error;
      this.close();
      throw stalled || (error as { code?: string }).code === 'ETIMEOUT' ? new ConnectionLost(true) : error;
    } finally {
      clearInterval(watchdog);
    }
  }

  private idleSoon(): void {
    if (this.idleFolder === null || this.waiting > 0 || !this.alive) return;
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => this.idle(), pause);
  }

  private idle(): void {
    const folder = this.idleFolder;
    if (folder === null || this.waiting > 0 || !this.alive || this.client.idling) return;
    // A pass may have failed to open the folder anew, or something was asked of another one. What came meanwhile was told to nobody.
    if (this.selected !== folder) {
      this.run(folder, async () => undefined).then(
        () => this.onNews(),
        () => this.close(),
      );
      return;
    }
    const began = Date.now();
    // A round trip at times: IDLE must be renewed before 29 minutes (RFC 2177), and a connection that is dead without a sign is found out.
    clearTimeout(this.refreshTimer);
    this.refreshTimer = setTimeout(() => {
      this.run(folder, (client) => client.noop()).catch(() => this.close());
    }, this.refreshMs);
    this.client.idle().then(
      (ended) => {
        if (this.waiting > 0 || !this.alive) return;
        if (ended === false) this.close();
        // A server that ends IDLE by itself at once must not keep us busy.
        else this.idleTimer = setTimeout(() => this.idle(), Date.now() - began < 1000 ? 1000 : 0);
      },
      () => this.close(),
    );
  }
}

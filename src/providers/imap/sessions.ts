import type { ProviderError } from '../provider.ts';
import { commandError, isLost, isTired, type ServerName } from './errors.ts';
import type { Session, Task } from './session.ts';

export interface RunOptions {
  fresh?: boolean;
  /** Throws what happened as it is, without another try: the caller finds out which message is to blame. */
  once?: boolean;
  /** On a connection that waits in IDLE, whichever folder that is on: for a short question, which leaves the IDLE. */
  aside?: boolean;
  /** Hangs up when the server sends more meanwhile: what it lists is collected in memory. */
  mostBytes?: number;
}

/** Opens a connection; throws ProviderError, NoSlot when there is none to be had (`wait`: for some time). */
export type Dial = (options: { wait: boolean }) => Promise<Session>;

/** The connections of one mailbox: one for each folder in IDLE, which serves that folder and short questions about the mailbox, and a shared one for all else. */
export class Sessions {
  private readonly dial: Dial;
  private readonly server: ServerName;
  private readonly quietMs: number;
  private readonly byFolder = new Map<string, Session>();
  private shared: Promise<Session> | null = null;
  private quietTimer: NodeJS.Timeout | undefined;
  /** How many use the shared connection. */
  private sharing = 0;
  private closed = false;

  /** The shared connection is closed after `quietMs` without use, and opened again when it is needed. */
  constructor(dial: Dial, server: ServerName, quietMs: number) {
    this.dial = dial;
    this.server = server;
    this.quietMs = quietMs;
  }

  /**
   * Runs a task on the folder's connection, once more on another one when that connection had died meanwhile, or the server has enough of it. Throws ProviderError only
   * (with `once`, a lost connection as it is).
   */
  async run<T>(folder: string | null, task: Task<T>, options: RunOptions = {}): Promise<T> {
    const runOn = (session: Session) => session.run(folder, task, options);
    for (let tries = 0, anew = false; ; tries += 1) {
      const watching = anew ? null : this.watchingFor(options.aside ? null : folder);
      try {
        return await (watching ? runOn(watching) : this.share(runOn));
      } catch (error) {
        if (options.once && isLost(error)) throw error;
        if (tries === 0 && isLost(error)) continue;
        if (tries === 0 && isTired(error)) {
          anew = true;
          await this.dropShared();
          continue;
        }
        throw commandError(error, this.server, folder);
      }
    }
  }

  isWatched(folder: string): boolean {
    return this.byFolder.get(folder)?.alive ?? false;
  }

  /** Some folder is watched: what is asked about the mailbox needs no other connection. */
  get isWatching(): boolean {
    return this.byFolder.values().some((session) => session.alive);
  }

  /** A connection of its own for a folder. It is forgotten when it closes, before `onClose` is called. */
  async watch(folder: string, onNews: () => void, onClose: () => void): Promise<Session> {
    // Mostly the one that the mailbox was opened by: another costs a sign-in, and memory that the closed one leaves full of holes.
    const session = (await this.takeShared()) ?? (await this.dial({ wait: false }));
    if (this.closed) session.close();
    session.onNews = onNews;
    session.onClose = () => {
      if (this.byFolder.get(folder) === session) this.byFolder.delete(folder);
      onClose();
    };
    try {
      if (session.canIdle) await session.keepIdle(folder);
    } catch (error) {
      session.onClose = () => undefined;
      session.close();
      throw commandError(error, this.server, folder);
    }
    if (session.canIdle) this.byFolder.set(folder, session);
    return session;
  }

  async open(): Promise<void> {
    await this.share(async () => undefined);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.quietTimer);
    for (const session of this.byFolder.values()) {
      session.onClose = () => undefined;
      session.close();
    }
    this.byFolder.clear();
    // One that is still being dialled is closed when it is there: nobody waits for a server that doesn't answer.
    void this.shared?.then((session) => session.close()).catch(() => undefined);
  }

  private watchingFor(folder: string | null): Session | null {
    if (folder === null) return this.byFolder.values().find((session) => session.alive && !session.busy) ?? null;
    const session = this.byFolder.get(folder);
    return session?.alive ? session : null;
  }

  private async share<T>(use: (session: Session) => Promise<T>): Promise<T> {
    this.sharing += 1;
    clearTimeout(this.quietTimer);
    try {
      return await use(await this.sharedSession());
    } finally {
      this.sharing -= 1;
      if (this.sharing === 0) this.closeWhenQuiet();
    }
  }

  private async sharedSession(): Promise<Session> {
    for (;;) {
      if (this.closed) throw closedError();
      // Whoever comes while it is being opened waits for the same one.
      const opening = (this.shared ??= this.dial({ wait: true }));
      const session = await opening.catch((error: unknown) => {
        if (this.shared === opening) this.shared = null;
        throw error;
      });
      if (this.closed) session.close();
      else if (session.alive) return session;
      if (this.shared === opening) this.shared = null;
    }
  }

  /** The shared connection, if there is one that nobody uses and that can wait in IDLE. It is shared no more. */
  private async takeShared(): Promise<Session | null> {
    const { shared } = this;
    const session = await shared?.catch(() => null);
    if (!session?.alive || !session.canIdle || this.sharing > 0 || this.shared !== shared) return null;
    this.shared = null;
    return session;
  }

  private async dropShared(): Promise<void> {
    const { shared } = this;
    this.shared = null;
    await shared?.then((session) => session.close()).catch(() => undefined);
  }

  private closeWhenQuiet(): void {
    clearTimeout(this.quietTimer);
    this.quietTimer = setTimeout(() => void this.dropShared(), this.quietMs);
    this.quietTimer.unref();
  }
}

function closedError(): ProviderError {
  return commandError({ code: 'NoConnection' }, { host: 'the server', port: 0 }, null);
}

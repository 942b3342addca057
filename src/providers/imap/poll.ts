import { type FolderState, folderStates } from './folder-states.ts';
import type { Sessions } from './sessions.ts';

/** Milliseconds between two polls that the server's own news ask for. */
const shortestGap = 200;

/** Asks for the states of folders again and again, and tells which are not as they were. */
export class FolderPoll {
  private readonly sessions: Sessions;
  private readonly folders: string[];
  private readonly longestMs: () => number;
  private readonly changed: (folder: string) => void;
  private readonly failed: (error: unknown) => void;
  private readonly states = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private pauseMs = 0;
  private asking = false;
  private again = false;
  private stopped = false;

  /**
   * The pause after news is a third of `longestMs` and grows back to it while nothing happens: mail comes in bursts, and a folder that was just written to (a
   * sent answer) is written to again. `failed` is called once; then it has stopped.
   */
  constructor(
    sessions: Sessions,
    folders: string[],
    options: { longestMs: () => number; changed(folder: string): void; failed(error: unknown): void },
  ) {
    this.sessions = sessions;
    this.folders = folders;
    this.longestMs = options.longestMs;
    this.changed = options.changed;
    this.failed = options.failed;
  }

  /** Takes the states from which on news are told. */
  async start(): Promise<void> {
    await this.ask();
    this.next(this.longestMs());
  }

  /** The server told of news in one of them. */
  soon(): void {
    if (this.asking) this.again = true;
    else this.next(shortestGap / 4);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private next(ms: number): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.ask().then(
        (news) => {
          const longest = this.longestMs();
          this.pauseMs = news ? longest / 3 : Math.min(longest, this.pauseMs * 1.5 || longest);
          this.next(this.again ? shortestGap : this.pauseMs);
        },
        (error: unknown) => {
          if (this.stopped) return;
          this.stop();
          this.failed(error);
        },
      );
    }, ms);
  }

  private async ask(): Promise<boolean> {
    this.asking = true;
    this.again = false;
    let news = false;
    try {
      const states = await folderStates(this.sessions, this.folders);
      for (const folder of this.folders) {
        const state = asText(states.get(folder) ?? null);
        const before = this.states.get(folder);
        this.states.set(folder, state);
        if (this.stopped || before === undefined || before === state) continue;
        news = true;
        this.changed(folder);
      }
      return news;
    } finally {
      this.asking = false;
    }
  }
}

function asText(state: FolderState | null): string {
  if (!state) return 'none';
  // Courier numbers an empty folder anew each time it is asked.
  const epoch = state.messages === 0 ? '' : state.uidValidity;
  return `${epoch} ${state.uidNext} ${state.messages}`;
}

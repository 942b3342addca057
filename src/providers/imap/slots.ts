import { ProviderError } from '../provider.ts';

/** Connections of one user that providers allow, less some for the owner's own programs (Gmail 15, Outlook about 16, Yahoo 5; Dovecot 10 by default). */
const allowed: [RegExp, number][] = [
  [/(?:^|\.)(?:gmail|googlemail)\.com$/i, 8],
  [/(?:^|\.)(?:office365|outlook)\.com$/i, 8],
  [/(?:^|\.)(?:yahoo|aol)\.com$/i, 3],
];
const usually = 5;
const loweredMs = 60 * 60_000;

/** The server allows no more connections of this user now. */
export class NoSlot extends ProviderError {
  constructor(host: string, most: number) {
    super('transient', `All ${most} connections that ${host} allows for this mailbox are in use.`, {
      reason: 'unreachable',
      retryAfter: 60,
    });
  }
}

interface User {
  used: number;
  /** What the server has shown to allow, and until when that is believed. */
  lowered: { most: number; until: number } | null;
  waiting: (() => void)[];
}

/** How many connections this process holds of each user at each server: servers refuse more, and some lock the user out. */
export class Slots {
  private readonly users = new Map<string, User>();
  private readonly waitMs: number;

  /** `waitMs`: how long somebody stands in line. */
  constructor(waitMs: number) {
    this.waitMs = waitMs;
  }

  /** A slot, and what gives it back (once). Throws NoSlot: at once, or when none came free in time. */
  async take(host: string, user: string, wait: boolean): Promise<{ release(): void; refused(): void }> {
    const key = `${user}@${host}`.toLowerCase();
    const entry = this.users.get(key) ?? { used: 0, lowered: null, waiting: [] };
    this.users.set(key, entry);
    const until = Date.now() + (wait ? this.waitMs : 0);
    while (entry.used >= mostOf(host, entry)) {
      const left = until - Date.now();
      if (left <= 0) throw new NoSlot(host, mostOf(host, entry));
      await comesFree(entry, left);
    }
    entry.used += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      entry.used -= 1;
      const next = entry.waiting.shift();
      if (next) next();
      else if (entry.used === 0 && !entry.lowered) this.users.delete(key);
    };
    return {
      release,
      /** The server said that it is one too many: for an hour no more than the others are opened. */
      refused: () => {
        entry.lowered = { most: Math.max(1, entry.used - 1), until: Date.now() + loweredMs };
        release();
      },
    };
  }
}

function mostOf(host: string, { lowered }: User): number {
  const most = allowed.find(([name]) => name.test(host))?.[1] ?? usually;
  return lowered && lowered.until > Date.now() ? Math.min(most, lowered.most) : most;
}

async function comesFree(entry: User, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  entry.waiting.push(resolve);
  const timer = setTimeout(resolve, ms);
  await promise;
  clearTimeout(timer);
  entry.waiting = entry.waiting.filter((one) => one !== resolve);
}

import { ProviderError } from '../provider.ts';

/** Connections of one user that providers allow, less some for the owner's own programs (Gmail 15, Outlook about 16, Yahoo 5; Dovecot 10 by default). */
const allowed: [RegExp, number][] = [
  [/(?:^|\.)(?:gmail|googlemail)\.com$/i, 8],
  [/(?:^|\.)(?:office365|outlook)\.com$/i, 8],
  [/(?:^|\.)(?:yahoo|aol)\.com$/i, 3],
];
const usually = 5;
const loweredMs = 60 * 60_000;

/** The server allows no more connections of this user now, or we no more to this server. */
export class NoSlot extends ProviderError {
  constructor(message: string) {
    super('transient', message, { reason: 'unreachable', retryAfter: 60 });
  }
}

/** Connections that are held of a user, or to a server. */
class Held {
  used = 0;
  /** Of those that hold one or want one. */
  interested = 0;
  readonly waiting: (() => void)[] = [];
  /** What the server has shown to allow, and until when that is believed. */
  lowered: { most: number; until: number } | null = null;
  readonly key: string;
  private readonly usual: number;

  constructor(key: string, usual: number) {
    this.key = key;
    this.usual = usual;
  }

  get most(): number {
    return this.lowered && this.lowered.until > Date.now() ? Math.min(this.usual, this.lowered.most) : this.usual;
  }

  get isFull(): boolean {
    return this.used >= this.most;
  }

  wakeNext(): void {
    this.waiting.shift()?.();
  }
}

/**
 * How many connections this process holds of each user and to each server: servers refuse more, some lock the user out, and a server that is full refuses its owners'
 * own programs, too. The big providers' servers have no number of their own.
 */
export class Slots {
  private readonly held = new Map<string, Held>();
  private readonly waitMs: number;
  private readonly perServer: number;

  /** `waitMs`: how long somebody stands in line; `perServer`: the most to one server. */
  constructor(waitMs: number, perServer: number) {
    this.waitMs = waitMs;
    this.perServer = perServer;
  }

  /** A slot, and what gives it back (once). Throws NoSlot: at once, or when none came free in time. */
  async take(host: string, user: string, wait: boolean): Promise<{ release(): void; refused(): void }> {
    const [server, own] = [host.toLowerCase(), `${user}@${host}`.toLowerCase()];
    const big = allowed.find(([name]) => name.test(host));
    const [ofServer, ofUser] = [this.of(server, big ? Infinity : this.perServer), this.of(own, big?.[1] ?? usually)];
    const full = () => [ofUser, ofServer].find((one) => one.isFull);
    const until = Date.now() + (wait ? this.waitMs : 0);
    for (let awaited = full(); awaited;) {
      const left = until - Date.now();
      if (left <= 0) {
        this.leave(ofUser, ofServer);
        throw new NoSlot(
          awaited === ofUser
            ? `All ${ofUser.most} connections that ${host} allows for this mailbox are in use.`
            : `All ${this.perServer} connections that Letterlog may hold to ${host} are in use (LETTERLOG_CONNECTIONS_PER_SERVER).`,
        );
      }
      await comesFree(awaited, left);
      const next = full();
      // Woken for nothing: somebody else may have use for it.
      if (next !== awaited && !awaited.isFull && next) awaited.wakeNext();
      awaited = next;
    }
    ofServer.used += 1;
    ofUser.used += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      for (const one of [ofUser, ofServer]) {
        one.used -= 1;
        one.wakeNext();
      }
      this.leave(ofUser, ofServer);
    };
    return {
      release,
      /** The server said that it is one too many: for an hour no more of this user than the others are opened. */
      refused: () => {
        ofUser.lowered = { most: Math.max(1, ofUser.used - 1), until: Date.now() + loweredMs };
        release();
      },
    };
  }

  private of(key: string, usual: number): Held {
    const held = this.held.get(key) ?? new Held(key, usual);
    this.held.set(key, held);
    held.interested += 1;
    return held;
  }

  private leave(...all: Held[]): void {
    for (const held of all) {
      held.interested -= 1;
      if (held.interested === 0 && !held.lowered) this.held.delete(held.key);
    }
  }
}

async function comesFree(held: Held, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  held.waiting.push(resolve);
  const timer = setTimeout(resolve, ms);
  await promise;
  clearTimeout(timer);
  const at = held.waiting.indexOf(resolve);
  if (at >= 0) held.waiting.splice(at, 1);
}

import { setImmediate } from 'node:timers/promises';

/** Runs a piece of work of this owner when its turn comes; answers, or throws, what the work does. */
export type Turns = <T>(owner: string, work: () => Promise<T>) => Promise<T>;

/**
 * Lets `most` pieces of work run at a time, `mostOfOne` of the same owner. Those who wait are served in turn, one piece of each owner before the second of any: whoever
 * brings ten thousand pieces holds up another's single one by one of them.
 */
export function createTurns(most: number, mostOfOne = most): Turns {
  const running = new Map<string, number>();
  /** By owner, who comes next first. */
  const waiting = new Map<string, (() => void)[]>();
  let busy = 0;

  const mayRun = (owner: string) => busy < most && (running.get(owner) ?? 0) < mostOfOne;
  const begin = (owner: string) => {
    busy += 1;
    running.set(owner, (running.get(owner) ?? 0) + 1);
  };
  const end = (owner: string) => {
    busy -= 1;
    const left = running.get(owner)! - 1;
    if (left > 0) running.set(owner, left);
    else running.delete(owner);
  };
  const next = () => {
    for (const [owner, queue] of waiting) {
      if (busy >= most) return;
      if (!mayRun(owner)) continue;
      // To the end of the line, if there is more of it.
      waiting.delete(owner);
      const proceed = queue.shift()!;
      if (queue.length > 0) waiting.set(owner, queue);
      begin(owner);
      proceed();
    }
  };

  return async (owner, work) => {
    if (mayRun(owner)) begin(owner);
    else {
      await new Promise<void>((proceed) => {
        const queue = waiting.get(owner);
        if (queue) queue.push(proceed);
        else waiting.set(owner, [proceed]);
      });
    }
    try {
      return await work();
    } finally {
      end(owner);
      next();
    }
  };
}

/** Milliseconds for which a piece of work may keep the main thread from all else. */
const longest = 10;

/** Long work on the main thread, which gives way to all else in the process now and then: `if (work.isLong()) await work.giveWay()`. */
export class LongWork {
  private began = performance.now();

  isLong(): boolean {
    return performance.now() - this.began > longest;
  }

  async giveWay(): Promise<void> {
    await setImmediate();
    this.began = performance.now();
  }
}

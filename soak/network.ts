import { setTimeout as sleep } from 'node:timers/promises';
import { type Random, random } from '../test/fixtures/random.ts';
import { type FaultProxy, startFaultProxy } from '../test/servers/fault-proxy.ts';

const kinds = ['cut', 'cut in mid-answer', 'refuse', 'stall', 'slow', 'half-open'] as const;
type Kind = (typeof kinds)[number];

export interface Network extends AsyncDisposable {
  ports: number[];
  /** Which faults are in force. */
  now(): string[];
  /** One fault after the other on each line, until the signal. */
  misbehave(signal: AbortSignal): Promise<void>;
  counts: Record<Kind, number>;
}

/** Lines to the mail server: each goes bad on its own, so that some mailboxes always get through. */
export async function startNetwork(port: number, lines: number, seed: number): Promise<Network> {
  const proxies = await Promise.all(Array.from({ length: lines }, () => startFaultProxy({ port })));
  const inForce = new Map<FaultProxy, Kind>();
  const counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;

  async function disturb(proxy: FaultProxy, source: Random, signal: AbortSignal): Promise<void> {
    const wait = (from: number, to: number) => sleep(source.between(from, to), undefined, { signal });
    try {
      for (;;) {
        await wait(2_000, 10_000);
        const kind = source.pick(kinds);
        counts[kind] += 1;
        inForce.set(proxy, kind);
        if (kind === 'cut') proxy.cut();
        if (kind === 'cut in mid-answer') proxy.faults.cutAfter = source.between(1, 4_000);
        if (kind === 'refuse') proxy.faults.refuse = true;
        if (kind === 'slow') Object.assign(proxy.faults, { latencyMs: 200, dribble: 500 });
        if (kind === 'stall' || kind === 'half-open') proxy.faults.stalled = true;
        await (kind === 'half-open' ? wait(20_000, 90_000) : wait(1_000, 8_000));
        heal(proxy);
        // The server's end of a half-open connection doesn't come back.
        if (kind === 'half-open') proxy.cut();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      heal(proxy);
    }
  }

  function heal(proxy: FaultProxy): void {
    inForce.delete(proxy);
    Object.assign(proxy.faults, { refuse: false, latencyMs: 0, stalled: false, cutAfter: null, dribble: null });
  }

  return {
    ports: proxies.map((proxy) => proxy.port),
    now: () => [...inForce.values()],
    misbehave: async (signal) =>
      void (await Promise.all(proxies.map((proxy, line) => disturb(proxy, random(seed + line), signal)))),
    counts,
    [Symbol.asyncDispose]: async () => void (await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()))),
  };
}

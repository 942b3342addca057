import { once } from 'node:events';
import net from 'node:net';

export interface Faults {
  /** New connections are reset. */
  refuse: boolean;
  /** Milliseconds that each chunk is late, in each direction. */
  latencyMs: number;
  /** Nothing passes any more, and nobody is told: a half-open connection. */
  stalled: boolean;
  /** After so many further bytes from the server, the connection is reset. */
  cutAfter: number | null;
  /** The server's bytes arrive so many at a time. */
  dribble: number | null;
}

export interface FaultProxy {
  port: number;
  /** Takes effect at once, for open connections too. */
  faults: Faults;
  /** Bytes that came by, towards the server and from it. */
  bytes: { up: number; down: number };
  connections(): number;
  /** Resets every open connection. */
  cut(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

type Target = { port: number; host?: string } | { path: string };

/**
 * A TCP proxy before any server (IMAP, SMTP, PostgreSQL by port or socket) that does what bad networks do. It keeps the order of bytes.
 * `look` sees every chunk before it goes on.
 */
export async function startFaultProxy(
  target: Target,
  look: (chunk: Buffer, direction: 'up' | 'down') => void = () => {},
): Promise<FaultProxy> {
  const faults: Faults = { refuse: false, latencyMs: 0, stalled: false, cutAfter: null, dribble: null };
  const bytes = { up: 0, down: 0 };
  const pairs = new Set<{ client: net.Socket; server: net.Socket }>();
  const reset = (pair: { client: net.Socket; server: net.Socket }) => {
    pairs.delete(pair);
    if (!pair.client.destroyed) pair.client.resetAndDestroy();
    pair.server.destroy();
  };

  const listener = net.createServer((client) => {
    if (faults.refuse) return void client.resetAndDestroy();
    const server = net.connect(target as net.NetConnectOpts);
    const pair = { client, server };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => reset(pair));
    }
    void pass(client, server, 'up', pair);
    void pass(server, client, 'down', pair);
  });

  async function pass(
    from: net.Socket,
    to: net.Socket,
    direction: 'up' | 'down',
    pair: { client: net.Socket; server: net.Socket },
  ): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        while (faults.stalled && !to.destroyed) await pause(10);
        if (faults.latencyMs > 0) await pause(faults.latencyMs);
        look(chunk, direction);
        bytes[direction] += chunk.length;
        for (const piece of pieces(chunk, direction)) {
          if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
          if (faults.dribble !== null && direction === 'down') await pause(1);
        }
        if (direction === 'down' && faults.cutAfter !== null && (faults.cutAfter -= chunk.length) <= 0) {
          faults.cutAfter = null;
          return reset(pair);
        }
      }
      to.end();
    } catch {
      reset(pair);
    } finally {
      if (pair.client.destroyed || pair.server.destroyed) pairs.delete(pair);
    }
  }

  function* pieces(chunk: Buffer, direction: 'up' | 'down'): Generator<Buffer> {
    const whole = direction === 'down' && faults.cutAfter !== null ? chunk.subarray(0, faults.cutAfter) : chunk;
    const size = direction === 'down' ? (faults.dribble ?? whole.length) : whole.length;
    for (let start = 0; start < whole.length; start += size) yield whole.subarray(start, start + size);
  }

  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => [...pairs].forEach(reset);
  return {
    port: (listener.address() as net.AddressInfo).port,
    faults,
    bytes,
    connections: () => pairs.size,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

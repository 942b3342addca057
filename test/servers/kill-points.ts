import { once } from 'node:events';
import net from 'node:net';

/**
 * Where a kill or a pause can hit: a message's body half-way over the wire, a page's transaction before it looks at the fence, its COMMIT without an answer, the
 * middle of a job.
 */
export type KillPoint =
  | 'body in flight'
  | 'begun, the fence not looked at'
  | 'COMMIT forwarded, not answered'
  | 'COMMIT sent, not forwarded'
  | 'inside a job';

/** A proxy that stops the traffic of a connection at an armed point and says so; nothing more of it passes until release() or goOn(). */
export interface KillPointProxy {
  port: number;
  /** Resolves once the point is reached; the traffic stands still from there on. */
  arm(point: KillPoint): Promise<void>;
  /** Drops every connection and lets new ones pass. */
  release(): void;
  /** Lets pass what was held, and all that follows on that connection. */
  goOn(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

type Target = { port: number; host?: string } | { path: string };

/** Before the PostgreSQL that this address names; with the address that leads through the proxy. */
export async function databaseKillPoints(databaseUrl: string): Promise<KillPointProxy & { url: string }> {
  const url = new URL(databaseUrl);
  const port = Number(url.port || 5432);
  const socket = url.searchParams.get('host');
  const points = await postgresKillPoints(
    socket ? { path: `${socket}/.s.PGSQL.${port}` } : { port, host: url.hostname },
  );
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String(points.port);
  return { ...points, url: url.href };
}

interface Pass {
  /** What goes on now. */
  forward: Buffer;
  /** Not null: this, and all that follows, is held. */
  held: Buffer | null;
}

/** Before an IMAP server (without TLS): stops in the middle of the literal that carries a body. */
export async function imapKillPoints(target: Target): Promise<KillPointProxy> {
  return proxy(target, (point, hit) => ({
    up: (chunk) => ({ forward: chunk, held: null }),
    down: (chunk) => {
      const literal =
        point() === 'body in flight' ? chunk.toString('latin1').search(/BODY\[\](<\d+>)? \{\d+\}\r\n/) : -1;
      if (literal < 0) return { forward: chunk, held: null };
      hit();
      const middle = literal + Math.ceil((chunk.length - literal) / 2);
      return { forward: chunk.subarray(0, middle), held: chunk.subarray(middle) };
    },
  }));
}

/** Protocol 3.0 without TLS: follows each connection's statements to know which COMMIT is a page's. */
async function postgresKillPoints(target: Target): Promise<KillPointProxy> {
  return proxy(target, (point, hit) => {
    let pending: Buffer = Buffer.alloc(0);
    const prepared = new Map<string, string>();
    let started = false;
    let page = false;
    let holdAnswer = false;
    const onStatement = (text: string): 'pass' | 'hold' | 'hold answer' => {
      const statement = text.trim().toLowerCase();
      if (statement.startsWith('begin') || statement.startsWith('start transaction')) page = false;
      if (/insert into "?sighting"?\b/.test(statement)) page = true;
      if (
        point() === 'begun, the fence not looked at' &&
        /^select fence from connection\b[^]*for share$/.test(statement)
      )
        return 'hold';
      if (point() === 'inside a job' && /insert into "?step"?\b/.test(statement)) return 'hold';
      if (statement !== 'commit' || !page) return 'pass';
      if (point() === 'COMMIT sent, not forwarded') return 'hold';
      return point() === 'COMMIT forwarded, not answered' ? 'hold answer' : 'pass';
    };
    return {
      up: (chunk) => {
        pending = Buffer.concat([pending, chunk]);
        let end = 0;
        for (;;) {
          const header = started ? 1 : 0;
          if (pending.length < end + header + 4) break;
          const length = header + pending.readUInt32BE(end + header);
          if (pending.length < end + length) break;
          if (started) {
            const verdict = onStatement(statementOf(pending.subarray(end, end + length), prepared));
            if (verdict !== 'pass') {
              hit();
              holdAnswer = true;
              const passed = verdict === 'hold' ? end : end + length;
              return { forward: pending.subarray(0, passed), held: pending.subarray(passed) };
            }
          } else if (pending.readUInt32BE(end + 4) === 196608) started = true;
          end += length;
        }
        const forward = pending.subarray(0, end);
        pending = pending.subarray(end);
        return { forward, held: null };
      },
      down: (chunk) => (holdAnswer ? { forward: Buffer.alloc(0), held: chunk } : { forward: chunk, held: null }),
    };
  });
}

/** The text of a Query or Parse message, or of the statement that a Bind message names; '' for every other. Notes by name what Parse prepares. */
function statementOf(message: Buffer, prepared: Map<string, string>): string {
  const type = String.fromCharCode(message[0] as number);
  const textAt = (start: number) => message.toString('utf8', start, message.indexOf(0, start));
  if (type === 'Q') return textAt(5);
  if (type === 'B') return prepared.get(textAt(message.indexOf(0, 5) + 1)) ?? '';
  if (type !== 'P') return '';
  const name = textAt(5);
  const text = textAt(message.indexOf(0, 5) + 1);
  if (name !== '') prepared.set(name, text);
  return text;
}

async function proxy(
  target: Target,
  watch: (point: () => KillPoint | null, hit: () => void) => { up(chunk: Buffer): Pass; down(chunk: Buffer): Pass },
): Promise<KillPointProxy> {
  const sockets = new Set<net.Socket>();
  const goingOn = new Set<() => void>();
  let armed: { point: KillPoint; reached: () => void } | null = null;
  let frozen = false;
  const hit = () => {
    frozen = true;
    armed?.reached();
    armed = null;
  };
  const server = net.createServer((client) => {
    const upstream = net.connect(target as net.NetConnectOpts);
    const { up, down } = watch(() => (frozen ? null : (armed?.point ?? null)), hit);
    let free = false;
    const pipe = (from: net.Socket, to: net.Socket, look: (chunk: Buffer) => Pass) => {
      let held: Buffer[] | null = null;
      from.on('data', (chunk: Buffer) => {
        if (free) return void to.write(chunk);
        if (held) return void held.push(chunk);
        const pass = look(chunk);
        if (pass.forward.length > 0) to.write(pass.forward);
        if (!pass.held) return;
        held = [pass.held];
        goingOn.add(() => {
          free = true;
          for (const one of held!) to.write(one);
        });
      });
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    pipe(client, upstream, up);
    pipe(upstream, client, down);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drop = () => {
    goingOn.clear();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    arm: (point) =>
      new Promise((resolve) => {
        armed = { point, reached: resolve };
      }),
    release: () => {
      armed = null;
      frozen = false;
      drop();
    },
    goOn: () => {
      armed = null;
      frozen = false;
      for (const one of goingOn) one();
      goingOn.clear();
    },
    [Symbol.asyncDispose]: async () => {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
}

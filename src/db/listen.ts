import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Db, Trx } from './open.ts';

/** What the channels carry. Every payload only says where to look again; none has content. */
export interface Channels {
  /** A connection was created or changed. `only`: no more than rows of it became due, or work was asked for (a check, an import), so a mailbox that rests rests on. */
  letterlog_connection: { accountId: string; connectionId: string; only?: 'rows' | 'work' };
  /** Something that a screen may show changed. */
  letterlog_change: {
    accountId: string;
    kind: 'log' | 'task' | 'run' | 'connection' | 'contact';
    contactId?: string;
    connectionId?: string;
    mapId?: string;
  };
}
export type Channel = keyof Channels;
export type Handlers = { [C in Channel]?: (payload: Channels[C]) => void };

/** Tells every listening process once the transaction commits (PostgreSQL drops equal ones of one transaction). */
export async function notify<C extends Channel>(trx: Db | Trx, channel: C, payload: Channels[C]): Promise<void> {
  await sql`select pg_notify(${channel}, ${JSON.stringify(payload)})`.execute(trx);
}

export interface Listener {
  close(): Promise<void>;
}

/** How often the connection is asked for a sign of life: a dead one (half-open, no RST) shows only when used. */
const heartbeatMs = 15_000;

/**
 * Calls the handlers for every notification, on one connection of its own. When that breaks it is opened again, for as
 * long as it takes, and `onGap` is called: what was said in between is unknown, so look everywhere.
 * The first connection is awaited, and its failure thrown.
 */
export async function listen(url: string, handlers: Handlers, onGap: () => void): Promise<Listener> {
  const closing = new AbortController();
  let client = await open();
  return {
    async close() {
      closing.abort();
      await client.end().catch(() => {});
    },
  };

  async function open(): Promise<pg.Client> {
    const next = new pg.Client({
      connectionString: url,
      application_name: 'letterlog listen',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    next.on('error', () => {});
    next.on('notification', ({ channel, payload }) => deliver(handlers, channel, payload));
    try {
      await next.connect();
      for (const channel of Object.keys(handlers)) await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      next.end().catch(() => {});
      throw error;
    }
    const heartbeat = setInterval(() => void checkAlive(next), heartbeatMs).unref();
    next.once('end', () => {
      clearInterval(heartbeat);
      if (!closing.signal.aborted) void reopen();
    });
    return next;
  }

  async function reopen(): Promise<void> {
    for (let wait = 100; !closing.signal.aborted; wait = Math.min(wait * 2, 5_000)) {
      try {
        client = await open();
        if (closing.signal.aborted) await client.end();
        else onGap();
        return;
      } catch {
        await sleep(wait, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      }
    }
  }
}

function deliver(handlers: Handlers, channel: string, payload: string | undefined): void {
  const handler = handlers[channel as Channel] as ((payload: unknown) => void) | undefined;
  let value: unknown;
  try {
    value = JSON.parse(payload ?? '');
  } catch {
    // Anybody who may connect to the database may notify; what isn't ours is none of our business.
    return;
  }
  if (typeof value === 'object' && value !== null) handler?.(value);
}

async function checkAlive(client: pg.Client): Promise<void> {
  const late = setTimeout(() => socketOf(client).destroy(), heartbeatMs).unref();
  await client.query('select 1').catch(() => {});
  clearTimeout(late);
}

const socketOf = (client: pg.Client) =>
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;

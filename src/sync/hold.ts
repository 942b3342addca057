import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SightingOfSender } from '../automations/fire.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { shareContactAddresses } from '../contacts/match.ts';
import type { Db, Trx } from '../db/open.ts';
import { repeating } from '../db/repeat.ts';
import type { AskedHistory } from '../connections/history.ts';
import type { Parser } from '../mail/parse-message.ts';
import type { SenderChecks } from '../mail/sender-checks.ts';
import type { Trust } from '../mail/verdict.ts';
import { createTurns } from '../turns.ts';
import type { Candidate } from './candidate.ts';

/** What a process holds of one connection while it syncs it. */
export interface Hold {
  db: Db;
  /** The same, with prepared statements (db/prepared.ts): for pages of few sightings. */
  live: Db;
  blobs: Blobs;
  parser: Parser;
  /** Starts automations inside the page's transaction (automations/fire.ts). */
  fire(trx: Trx, accountId: string, sightings: SightingOfSender[]): Promise<unknown>;
  storing: Storing;
  accountId: string;
  connectionId: string;
  /** The connection's fence when it was taken over. */
  fence: string;
  startedAt: Date;
  /** Looks at senders where the mailbox's server doesn't; null: nobody does. */
  senderChecks: SenderChecks | null;
  /** Whose word counts about senders; null: nobody's. */
  trust: Trust | null;
  /** Where the provider knows under which name the mailbox's server gives it. */
  knownAuthserv: string | null;
  /** What was asked for of the time before. */
  history: readonly AskedHistory[];
  /** The account's key for keyed hashes. */
  hashKey: Buffer;
  /** The connection's own address keys: they stand in nearly all of its mail, so the ledger doesn't repeat their hashes. */
  ownKeys: ReadonlySet<string>;
}

/** Transactions that write: so many at a time, since the pool is for everybody. What takes long has turns of its own, so live mail never waits for an import's. */
export type Storing = <T>(piece: { owner: string; bulk: boolean }, work: () => Promise<T>) => Promise<T>;

/** Shares of a pool of so many database connections. Of one owner (an account, mostly) one writes at a time. */
export function storingOn(databaseConnections: number): Storing {
  const share = (part: number) => createTurns(Math.max(1, Math.floor(databaseConnections / part)), 1);
  const [live, many] = [share(5), share(10)];
  return ({ owner, bulk }, work) => (bulk ? many : live)(owner, work);
}

/** The connection is no longer ours: taken over by another process, paused, deleted, or its cursor was moved. Nothing was committed. */
export class Fenced extends Error {
  constructor() {
    super('The connection is no longer held by this process.');
    this.name = 'Fenced';
  }
}

/** How long an account's address lock is waited for with a turn: changes of contacts hold it for milliseconds, a step of an erasure for tenths of a second, an import of many contacts for longer. */
const lockMs = 500;
/** What brings no more sightings is live mail; imports, checks and catching up bring hundreds at once. */
const few = 16;

/**
 * Runs `work` in a transaction that is only good while the connection is held: a change of the fence or the state waits for its end. It holds the account's
 * address lock shared. What PostgreSQL asks to repeat (deadlock, serialization) is repeated, so `work` may run more than once; `candidates` are what it stores. Throws Fenced.
 */
export async function inHold<T>(
  hold: Hold,
  work: (trx: Trx) => Promise<T>,
  candidates: readonly Pick<Candidate, 'content'>[] = [],
): Promise<T> {
  // New messages wait for their account's threads (log/join-threads.ts): here rather than inside, with a database connection.
  const owner = candidates.some(({ content }) => content !== null) ? hold.accountId : hold.connectionId;
  const bulk = candidates.length > few;
  let waits = false;
  for (;;) {
    // While an account's lock is held for long, one of its pieces at a time waits for it, and lets others go first now and then.
    const piece = { owner: waits ? hold.accountId : owner, bulk };
    const once = () =>
      databaseFor(hold, candidates.length)
        .transaction()
        .execute((trx) => whileHeld(trx, hold, work, waits ? lockMs : 0));
    try {
      return await repeating(() => hold.storing(piece, once));
    } catch (error) {
      if (error instanceof NotYetDurable) {
        await Promise.all(candidates.map(({ content }) => content?.durable));
        continue;
      }
      if (!(error instanceof AddressesLocked)) throw error;
      waits = true;
      await sleep(Math.random() * 20);
    }
  }
}

/** For statements about so many sightings; 0: about something else. */
export function databaseFor({ db, live }: Pick<Hold, 'db' | 'live'>, sightings: number): Db {
  return sightings > 0 && sightings <= few ? live : db;
}

/** A raw message takes long to become durable: it is waited for without a turn, a lock or a database connection, and then all is decided anew. */
export class NotYetDurable extends Error {}

/** Somebody holds the account's address lock exclusively. */
class AddressesLocked extends Error {}

async function whileHeld<T>(trx: Trx, hold: Hold, work: (trx: Trx) => Promise<T>, waitMs: number): Promise<T> {
  const { rows } = await sql<{ fence: string }>`
    select fence from connection
    where account_id = ${hold.accountId} and id = ${hold.connectionId} and state in ('active', 'failing') for share`.execute(
    trx,
  );
  if (rows[0]?.fence !== hold.fence) throw new Fenced();
  if (!(await shareContactAddresses(trx, hold.accountId, waitMs))) throw new AddressesLocked();
  return await work(trx);
}

/** For a statement by itself that may as well be left out, such as a note: whether the connection is held as it begins. */
export function isHeld({ accountId, connectionId, fence }: Pick<Hold, 'accountId' | 'connectionId' | 'fence'>) {
  return sql`exists (
    select from connection where account_id = ${accountId} and id = ${connectionId} and fence = ${fence} and state in ('active', 'failing'))`;
}

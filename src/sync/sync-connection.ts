/**
 * The loop of one connection.
 *
 *              ┌──────────────────────────── pause over, or rung ───────────────────────────┐
 *              ▼                                                                            │
 *   start ── claim ──▶ open ──▶ folders ──▶ pass over ──▶ wait ◀──┐                      failing
 *              │         │         │       all streams     │ │    │                         ▲
 *              │         │         │           │     rung: │ │ sweep, due rows              │
 *              │         │         │           │    stream │ └──▶ pass ──┘                  │
 *              │         └─────────┴───────────┴───────────┴── ProviderError ── policy.ts ──┤
 *              ▼                                                                            ▼
 *        released: paused, deleted, held by another process, or stopped             needs_sign_in: ends
 *
 * A wake-up carries no data: it only puts a stream on the list of those to ask (invariant 7). The trouble of one stream rests that stream alone, unless its
 * kind concerns the whole mailbox.
 */
import type { Mailbox, Provider } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider.ts';
import type { StateCode } from '../connections/state.ts';
import { setConnectionState, stateCodes } from '../connections/state.ts';
import type { SyncConnection } from '../connections/load.ts';
import { Bell } from './bell.ts';
import { claim } from './claim.ts';
import type { SyncDeps } from './deps.ts';
import { Suspects } from './fetch-bodies.ts';
import { Fenced } from './hold.ts';
import type { Hold } from './hold.ts';
import { OpenMailbox } from './open-mailbox.ts';
import { pauseOf, policyOf } from './policy.ts';

export interface Loop {
  /** Something about the connection changed: look again, also when it rests. What is only rows or work waits until the mailbox is open. */
  poke(what: Poke): void;
  stop(): Promise<void>;
  /** Resolves when the loop has ended, by itself or stopped; never rejects. */
  ended: Promise<void>;
}

type Poke = 'all' | 'rows' | 'work';

/** What the outside tells the loop. */
interface Outside {
  bell: Bell;
  /** Since the loop last looked. */
  told: Set<Poke>;
  stop: AbortController;
}

/** Runs the loop of a connection until it is stopped, paused, deleted, taken over, or needs its owner. */
export function syncConnection(deps: SyncDeps, accountId: string, connectionId: string): Loop {
  const outside: Outside = { bell: new Bell(), told: new Set(), stop: new AbortController() };
  outside.stop.signal.addEventListener('abort', () => outside.bell.ring());
  const ended = run(deps, accountId, connectionId, outside).catch((error: unknown) => {
    deps.log.error({ err: error, connectionId }, 'the loop of a connection broke');
  });
  return {
    ended,
    poke(what) {
      outside.told.add(what);
      outside.bell.ring();
    },
    async stop() {
      outside.stop.abort();
      await ended;
    },
  };
}

/** A life that was good for so long shows that the server keeps connections. */
const keptMs = 60_000;

interface Health {
  /** Since when everything could be read once in this life, as performance.now() says it. */
  goodSince: number | null;
  /** What the connection was held under. */
  fence: string | null;
}

async function run(deps: SyncDeps, accountId: string, connectionId: string, outside: Outside): Promise<void> {
  const suspects = new Suspects();
  const stopped = outside.stop.signal;
  /** In a row, and how many of them ended a good life; since one that was good for long. */
  let failures = 0;
  let ends = 0;
  while (!stopped.aborted) {
    const health: Health = { goodSince: null, fence: null };
    try {
      await live(deps, accountId, connectionId, outside, suspects, health);
      return;
    } catch (error) {
      if (error instanceof Fenced || stopped.aborted) return;
      logFailure(deps, connectionId, error);
      const good = health.goodSince !== null;
      if (good && performance.now() - health.goodSince! >= keptMs) failures = ends = 0;
      failures += 1;
      if (good) ends += 1;
      const { code, pause } = policyOf(error);
      // Servers end connections all the time: the first end of a good life only opens the mailbox again. One that ends each life soon is in trouble.
      const quietly = good && ends === 1 && error instanceof ProviderError && error.kind === 'transient';
      const ms = pause === 'sign-in' ? null : quietly ? 1000 * Math.random() : pauseOf(error, pause, failures);
      if (!quietly && !(await record(deps, accountId, connectionId, health.fence, error, code, ms))) return;
      if (ms === null) return;
      await rest(outside, ms);
    }
  }
}

/**
 * Waits so many milliseconds, or until something about the connection changed. What a mailbox that is closed by now rang for is no reason to open it again, nor are
 * rows and work: a server that can't be reached, or asks to wait, isn't asked more often for them.
 */
async function rest(outside: Outside, ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (!outside.told.has('all') && !outside.stop.signal.aborted) {
    const left = until - performance.now();
    if (left <= 0) return;
    await outside.bell.wait(left);
  }
}

/** One life of an open mailbox. Returns when the connection was released; throws what ended it. */
async function live(
  deps: SyncDeps,
  accountId: string,
  connectionId: string,
  outside: Outside,
  suspects: Suspects,
  health: Health,
): Promise<void> {
  // All of it is read anew from here on. One poke is one try.
  outside.told.clear();
  // Thousands begin at once at a start.
  const claiming = { owner: connectionId, bulk: true };
  const claimed = await deps.storing(claiming, () => claim(deps, accountId, connectionId));
  if (!claimed) return;
  health.fence = claimed.hold.fence;
  const stopped = outside.stop.signal;
  const mailbox = await openIt(deps, claimed.connection, stopped);
  // It can be read again: what was missed is caught up (connections/state.ts).
  const onReadable = () => endFailing(deps, claimed.hold);
  const open = new OpenMailbox(deps, claimed.hold, mailbox, suspects, outside.bell, onReadable);
  // What is under way at the server ends with an error; what is being committed is waited for.
  const close = () => void open.close();
  stopped.addEventListener('abort', close);
  try {
    await open.begin();
    while (!stopped.aborted) {
      const told = new Set(outside.told);
      outside.told.clear();
      if (told.has('all')) await open.reload();
      else if (told.has('work')) await open.lookForWork();
      else if (told.has('rows')) open.lookForRows();
      // Rows are no reason to interrupt: they come after new mail anyway, however many contacts are added meanwhile.
      const interrupted = () => stopped.aborted || outside.told.has('all') || outside.told.has('work');
      await open.work(interrupted);
      if (interrupted()) continue;
      if (health.goodSince === null) {
        health.goodSince = performance.now();
        if (!(await writeState(deps, accountId, connectionId, claimed.hold.fence, good))) throw new Fenced();
      }
      // Asked even while something gives way, since it also finds what is due.
      const idleFor = await open.idleFor();
      if (!(await open.giveWay())) await outside.bell.wait(idleFor);
    }
  } finally {
    stopped.removeEventListener('abort', close);
    await open.close();
  }
}

async function endFailing(deps: SyncDeps, hold: Hold): Promise<void> {
  const { accountId, connectionId } = hold;
  const failing = await deps.db
    .selectFrom('connection')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .where('state', '=', 'failing')
    .executeTakeFirst();
  if (failing && !(await writeState(deps, accountId, connectionId, hold.fence, good))) throw new Fenced();
}

const good = { state: 'active' } as const;

async function openIt(deps: SyncDeps, connection: SyncConnection, stopped: AbortSignal): Promise<Mailbox> {
  const provider: Provider | undefined = Object.hasOwn(deps.providers, connection.provider)
    ? deps.providers[connection.provider]
    : undefined;
  if (!provider) throw new ProviderError('unsupported', `This installation has no provider “${connection.provider}”.`);
  const opening = deps.opening(serverOf(connection), async () => {
    if (stopped.aborted) throw new Fenced();
    return await provider.open(connection.settings, connection.credentials);
  });
  const given = Promise.withResolvers<never>();
  const giveUp = () => given.reject(new Fenced());
  stopped.addEventListener('abort', giveUp);
  try {
    return await Promise.race([opening, given.promise]);
  } catch (error) {
    // One that opens after all is closed.
    if (stopped.aborted) void opening.then((mailbox) => mailbox.close()).catch(() => {});
    throw error;
  } finally {
    stopped.removeEventListener('abort', giveUp);
  }
}

const serverOf = ({ provider, settings }: SyncConnection) =>
  `${provider} ${(settings as { host?: unknown } | null)?.host ?? ''}`;

/** Writes the state that people see. False: the connection was paused, deleted, signed in to again or taken over meanwhile. A database that is out of reach is no answer. */
async function record(
  deps: SyncDeps,
  accountId: string,
  connectionId: string,
  fence: string | null,
  error: unknown,
  code: StateCode,
  ms: number | null,
): Promise<boolean> {
  const own = error instanceof ProviderError ? [error.message, error.hint].filter(Boolean).join(' ') : null;
  try {
    return await writeState(deps, accountId, connectionId, fence, {
      state: ms === null ? 'needs_sign_in' : 'failing',
      code,
      message: own ?? stateCodes[code],
      nextTryAt: ms === null ? null : new Date(Date.now() + ms),
    });
  } catch (failure) {
    deps.log.error({ err: failure, connectionId }, 'the state of a connection could not be written');
    return true;
  }
}

/** False, and nothing written, where the connection is held under another fence by now (null: it wasn't held yet, but leased) or not synced any more. */
async function writeState(
  deps: SyncDeps,
  accountId: string,
  connectionId: string,
  fence: string | null,
  change: Parameters<typeof setConnectionState>[3],
): Promise<boolean> {
  return await deps.db.transaction().execute(async (trx) => {
    // The row before the lease, as in claim().
    const row = await trx
      .selectFrom('connection')
      .select('fence')
      .where('account_id', '=', accountId)
      .where('id', '=', connectionId)
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (!row || (fence !== null && row.fence !== fence)) return false;
    if (fence === null && !(await deps.leased(trx, accountId, connectionId))) return false;
    return await setConnectionState(trx, accountId, connectionId, change);
  });
}

/** What servers do is everyday; what is ours has its stack. */
function logFailure(deps: SyncDeps, connectionId: string, error: unknown): void {
  if (error instanceof ProviderError)
    deps.log.info({ connectionId, kind: error.kind, reason: error.message }, 'a mailbox failed');
  else deps.log.error({ err: error, connectionId }, 'syncing failed');
}

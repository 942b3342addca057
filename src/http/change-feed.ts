import { hasRole } from '../accounts/require-role.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { listen } from '../db/listen.ts';
import type { Channels } from '../db/listen.ts';
import type { Db } from '../db/open.ts';

export type Change = Omit<Channels['letterlog_change'], 'accountId'>;

/** What one open screen hears of. */
export interface Subscription {
  /** The next changes, each once; 'all' when so much happened, or was missed, that everything is to be asked again. Waits for some. */
  next(signal: AbortSignal): Promise<readonly Change[] | 'all'>;
  end(): void;
}

export interface ChangeFeed {
  subscribe(viewer: Viewer): Subscription;
  /** Aborted by close(): streams end. */
  closed: AbortSignal;
  close(): Promise<void>;
}

/** More than this unread, and the screen is told to ask for everything. */
const mostUnread = 200;

interface Subscriber {
  viewer: Viewer;
  unread: Map<string, Change> | 'all';
  wake: () => void;
}

/**
 * Hears of the changes of all accounts on one connection, and passes each to the screens of its account: what a private connection
 * brings only to its owner, a connection's state to its owner and admins.
 */
export async function startChangeFeed(options: { db: Db; url: string }): Promise<ChangeFeed> {
  const { db, url } = options;
  const accounts = new Map<string, Set<Subscriber>>();
  const closing = new AbortController();
  const listener = await listen(
    url,
    { letterlog_change: ({ accountId, ...change }) => void pass(accountId, change) },
    () => {
      for (const subscribers of accounts.values()) for (const subscriber of subscribers) missed(subscriber);
    },
  );

  async function pass(accountId: string, change: Change): Promise<void> {
    const subscribers = accounts.get(accountId);
    if (!subscribers) return;
    try {
      const mayHear = await audience(db, accountId, change);
      for (const subscriber of subscribers) if (mayHear(subscriber.viewer)) add(subscriber, shown(change));
    } catch {
      // Not knowing who may hear of it: everybody asks again, and is answered what they may see.
      for (const subscriber of subscribers) missed(subscriber);
    }
  }

  return {
    subscribe(viewer) {
      const subscriber: Subscriber = { viewer, unread: new Map(), wake: () => {} };
      const subscribers = accounts.get(viewer.accountId) ?? new Set();
      accounts.set(viewer.accountId, subscribers.add(subscriber));
      return {
        next: (signal) => nextOf(subscriber, signal),
        end() {
          subscribers.delete(subscriber);
          if (subscribers.size === 0 && accounts.get(viewer.accountId) === subscribers)
            accounts.delete(viewer.accountId);
        },
      };
    },
    closed: closing.signal,
    async close() {
      closing.abort();
      await listener.close();
    },
  };
}

/** Who may hear of a change (spec, section 5, Seeing: private connections are never named to others). */
async function audience(db: Db, accountId: string, change: Change): Promise<(viewer: Viewer) => boolean> {
  if (change.connectionId === undefined) return () => true;
  const connection = await db
    .selectFrom('connection')
    .where('account_id', '=', accountId)
    .where('id', '=', change.connectionId)
    .select(['user_id', 'sharing'])
    .executeTakeFirst();
  // Erased meanwhile: whoever had it on the screen asks again and finds it gone.
  if (!connection) return (viewer) => hasRole(viewer.role, 'admin');
  const own = (viewer: Viewer) => viewer.userId === connection.user_id;
  if (change.kind === 'connection') return (viewer) => own(viewer) || hasRole(viewer.role, 'admin');
  return (viewer) => own(viewer) || connection.sharing === 'everything';
}

/** Which connection brought a log item is for the log to say, which knows who may see it. */
function shown(change: Change): Change {
  if (change.kind === 'connection') return change;
  const { connectionId: _, ...rest } = change;
  return rest;
}

function add(subscriber: Subscriber, change: Change): void {
  if (subscriber.unread === 'all') return;
  subscriber.unread.set(JSON.stringify(change), change);
  if (subscriber.unread.size > mostUnread) subscriber.unread = 'all';
  subscriber.wake();
}

function missed(subscriber: Subscriber): void {
  subscriber.unread = 'all';
  subscriber.wake();
}

async function nextOf(subscriber: Subscriber, signal: AbortSignal): Promise<readonly Change[] | 'all'> {
  if (subscriber.unread !== 'all' && subscriber.unread.size === 0 && !signal.aborted) {
    await new Promise<void>((resolve) => {
      subscriber.wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  const { unread } = subscriber;
  subscriber.unread = new Map();
  return unread === 'all' ? 'all' : [...unread.values()];
}

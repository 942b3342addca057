import { ProviderError, type Stream } from '../provider.ts';
import { commandError, type ServerName } from './errors.ts';
import { FolderPoll } from './poll.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { NoSlot } from './slots.ts';

export interface WatchOptions {
  /** Folders that get a connection of their own in IDLE, the inbox first. */
  connections: number;
  /** The others are told by NOTIFY on the first of those connections, or asked at least this often. */
  pollSeconds: number;
  /** A connection that broke sooner than this ends the watch; one that lasted longer is opened again. */
  settledSeconds: number;
}

/** With NOTIFY, polling only makes up for what a server fails to tell: so many times less often. Sooner than a quiet connection is tried, whose trial it is. */
const restWithNotify = 3;

/**
 * IDLE on the first folders, each on a connection that also serves its folder; the others by NOTIFY or by polling (docs/decisions/0010). Each stream is woken once at
 * the beginning, since something may have happened before. A connection that ends (servers do that every half hour) is opened again; when that fails, the watch ends.
 */
export async function watch(
  sessions: Sessions,
  server: ServerName,
  streams: Stream[],
  handlers: { wake(stream: Stream): void; news(folder: string): void; onError(error: ProviderError): void },
  options: WatchOptions,
): Promise<() => Promise<void>> {
  const open = new Set<{ close(): void }>();
  const polled: Stream[] = [];
  let poll: FolderPoll | null = null;
  /** The connection on which the server tells of the polled folders. */
  let telling: Session | null = null;
  let ended = false;

  const end = () => {
    ended = true;
    poll?.stop();
    for (const session of open) session.close();
    open.clear();
  };
  const fail = (error: unknown) => {
    if (ended) return;
    end();
    handlers.onError(error instanceof ProviderError ? error : commandError(error, server, null));
  };
  const askToTell = async (session: Session) => {
    if (telling || polled.length === 0) return;
    const folders = polled.map(({ ref }) => ref);
    if (await session.notify(folders, () => poll?.soon())) telling = session;
  };
  const idleOn = async (stream: Stream): Promise<Session | null> => {
    const began = Date.now();
    const onNews = () => {
      if (ended) return;
      handlers.news(stream.ref);
      handlers.wake(stream);
    };
    // A connection may close while it is still being made ready.
    let watching: Session | null = null;
    const onClose = () => {
      if (watching) open.delete(watching);
      if (watching === telling) telling = null;
      if (ended) return;
      if (Date.now() - began < options.settledSeconds * 1000)
        fail(commandError({ code: 'NoConnection' }, server, stream.ref));
      else again(stream).catch(fail);
    };
    const session = await sessions.watch(stream.ref, onNews, onClose);
    watching = session;
    if (ended) session.close();
    else if (session.canIdle) {
      open.add(session);
      return session;
    } else {
      session.onClose = () => undefined;
      session.close();
    }
    return null;
  };
  const again = async (stream: Stream) => {
    try {
      const session = await idleOn(stream);
      if (session) await askToTell(session);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    handlers.wake(stream);
    // What came to the others meanwhile was told to nobody.
    poll?.soon();
  };

  let first: Session | null = null;
  for (const [index, stream] of inboxFirst(streams).entries()) {
    if (ended) break;
    if (index >= options.connections || polled.length > 0) {
      polled.push(stream);
      continue;
    }
    try {
      const session = await idleOn(stream);
      first ??= session;
      if (!session) polled.push(stream);
    } catch (error) {
      if (isGone(error)) continue;
      // Servers allow only so many connections of one user.
      const full = error instanceof ProviderError && error.reason === 'unreachable' && open.size > 0;
      // One that can't be opened now is asked for until it can.
      const refused = error instanceof ProviderError && error.folderOnly;
      if (full || refused || error instanceof NoSlot) polled.push(stream);
      else {
        end();
        throw error;
      }
    }
  }
  if (polled.length > 0) {
    const byRef = new Map(polled.map((stream) => [stream.ref, stream]));
    poll = new FolderPoll(sessions, [...byRef.keys()], {
      longestMs: () => options.pollSeconds * 1000 * (telling ? restWithNotify : 1),
      changed: (folder) => handlers.wake(byRef.get(folder)!),
      failed: fail,
    });
    try {
      if (first) await askToTell(first);
      await poll.start();
    } catch (error) {
      end();
      throw error instanceof ProviderError ? error : commandError(error, server, null);
    }
  }
  setImmediate(() => {
    for (const stream of streams) if (!ended) handlers.wake(stream);
  });
  return async () => end();
}

/** A folder that is no more concerns its stream only: who is woken finds out. */
function isGone(error: unknown): boolean {
  return error instanceof ProviderError && (error.kind === 'gone' || (error.kind === 'unsupported' && !error.reason));
}

/** New mail comes to the inbox: it has the first claim to a connection. */
function inboxFirst(streams: Stream[]): Stream[] {
  const inbox = streams.filter(({ ref }) => ref.toUpperCase() === 'INBOX');
  return [...inbox, ...streams.filter((stream) => !inbox.includes(stream))];
}

import { ProviderError, type Stream } from '../provider.ts';
import { commandError, type ServerName } from './errors.ts';
import type { Sessions } from './sessions.ts';

export interface WatchOptions {
  /** Folders that get a connection of their own; the others, and those of servers without IDLE, are asked every `pollSeconds`. */
  connections: number;
  pollSeconds: number;
  /** A connection that broke sooner than this ends the watch; one that lasted longer is opened again. */
  settledSeconds: number;
}

/**
 * IDLE on the folders, each on a connection that also serves its folder. Each stream is woken once at the beginning, since something may have
 * happened before IDLE began. A connection that ends (servers do that every half hour) is opened again; when that fails, the watch ends.
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
  let ended = false;
  let timer: NodeJS.Timeout | undefined;

  const end = () => {
    ended = true;
    clearTimeout(timer);
    for (const session of open) session.close();
    open.clear();
  };
  const fail = (error: unknown) => {
    if (ended) return;
    end();
    handlers.onError(error instanceof ProviderError ? error : commandError(error, server, null));
  };
  const idleOn = async (stream: Stream) => {
    const began = Date.now();
    const onNews = () => {
      if (ended) return;
      handlers.news(stream.ref);
      handlers.wake(stream);
    };
    // A connection may close while it is still being made ready.
    let watching: { close(): void } | null = null;
    const onClose = () => {
      if (watching) open.delete(watching);
      if (ended) return;
      if (Date.now() - began < options.settledSeconds * 1000)
        fail(commandError({ code: 'NoConnection' }, server, stream.ref));
      else
        idleOn(stream).then(
          () => handlers.wake(stream),
          (error: unknown) => forgetGone(stream, error),
        );
    };
    const session = await sessions.watch(stream.ref, onNews, onClose);
    watching = session;
    if (ended) return session.close();
    if (session.canIdle) open.add(session);
    else {
      polled.push(stream);
      session.onClose = () => undefined;
      session.close();
    }
  };
  /** A folder that is no more concerns its stream only: who is woken finds out. */
  const forgetGone = (stream: Stream, error: unknown) => {
    if (
      !(error instanceof ProviderError) ||
      (error.kind !== 'gone' && !(error.kind === 'unsupported' && !error.reason))
    )
      return fail(error);
    handlers.wake(stream);
  };

  for (const [index, stream] of streams.entries()) {
    if (ended) break;
    // Servers allow only so many connections of one user.
    if (index >= options.connections || polled.length > 0) polled.push(stream);
    else
      await idleOn(stream).catch((error: unknown) => {
        if (error instanceof ProviderError && error.reason === 'unreachable' && open.size > 0) polled.push(stream);
        else if (
          error instanceof ProviderError &&
          (error.kind === 'gone' || (error.kind === 'unsupported' && !error.reason))
        )
          return;
        else {
          end();
          throw error;
        }
      });
  }

  const states = new Map<string, string>();
  const poll = async () => {
    for (const stream of polled) {
      const state = await sessions.run(null, async (client) => {
        if (client.mailbox) await client.noop();
        const query = { uidNext: true, uidValidity: true, messages: true };
        const status = await client.status(stream.ref, query).catch((error: { code?: string }) => {
          if (error.code === 'NotFound') return null;
          throw error;
        });
        return status ? `${status.uidValidity} ${status.uidNext} ${status.messages}` : 'none';
      });
      const before = states.get(stream.ref);
      states.set(stream.ref, state);
      if (!ended && before !== undefined && before !== state) handlers.wake(stream);
    }
  };
  const pollSoon = () => {
    timer = setTimeout(() => {
      poll().then(() => !ended && pollSoon(), fail);
    }, options.pollSeconds * 1000);
  };
  if (polled.length > 0) {
    await poll();
    pollSoon();
  }
  setImmediate(() => {
    for (const stream of streams) if (!ended) handlers.wake(stream);
  });
  return async () => end();
}

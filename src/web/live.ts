import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { refreshLogHead } from './api/log.ts';

/** The server only says where to look again; never what changed. */
interface Change {
  kind: 'log' | 'task' | 'run' | 'connection' | 'contact';
  contactId?: string;
  connectionId?: string;
  mapId?: string;
}

/** How long a page may be out of sight before it stops listening: browsers allow few connections for all pages together. */
const hiddenMs = 30_000;
const againMs = 3000;

/** Keeps what is on the screen up to date while somebody is signed in. */
export function useLiveUpdates(): void {
  const client = useQueryClient();
  useEffect(() => {
    const everything = () => void client.invalidateQueries();
    let stop: (() => void) | null = listen(client, everything);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onVisibility = () => {
      clearTimeout(timer);
      if (document.hidden) {
        timer = setTimeout(() => {
          stop?.();
          stop = null;
        }, hiddenMs);
      } else if (!stop) {
        stop = listen(client, everything);
        everything();
      }
    };
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      clearTimeout(timer);
      stop?.();
    };
  }, [client]);
}

/** Listens until the returned function is called. `onGap` is called when changes may have been missed. */
function listen(client: QueryClient, onGap: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = open(false);
  function open(missed: boolean): () => void {
    return listenOnce(client, {
      missed,
      onGap,
      onRefused: () => {
        timer = setTimeout(() => (stop = open(true)), againMs * (1 + Math.random()));
      },
    });
  }
  return () => {
    clearTimeout(timer);
    stop();
  };
}

/** A browser tries again by itself after a lost connection, but never after an answer such as a proxy's 502 while the server restarts. */
function listenOnce(
  client: QueryClient,
  how: { missed: boolean; onGap: () => void; onRefused: () => void },
): () => void {
  const { onGap } = how;
  let { missed } = how;
  const source = new EventSource('/api/v1/events');
  let waiting = new Map<string, Change>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    const changes = waiting;
    waiting = new Map();
    for (const change of changes.values()) lookAgain(client, change);
  };
  source.addEventListener('change', (event) => {
    const change = parse((event as MessageEvent<string>).data);
    if (!change) return;
    // A page of mail brings many at once: each place is asked for once.
    waiting.set(`${change.kind} ${change.contactId} ${change.connectionId} ${change.mapId}`, change);
    timer ??= setTimeout(flush, 120);
  });
  source.addEventListener('all', onGap);
  source.addEventListener('error', () => {
    missed = true;
    if (source.readyState === EventSource.CLOSED) how.onRefused();
  });
  source.addEventListener('open', () => {
    if (missed) onGap();
    missed = false;
  });
  source.addEventListener('end', () => {
    // The session ended: the next question finds out and leads to the sign-in.
    source.close();
    onGap();
  });
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

function parse(data: string): Change | null {
  try {
    return JSON.parse(data) as Change;
  } catch {
    return null;
  }
}

function lookAgain(client: QueryClient, { kind, contactId, connectionId, mapId }: Change): void {
  const stale = (...queryKey: unknown[]) => void client.invalidateQueries({ queryKey });
  if (kind === 'log') {
    // Contacts are sorted by their last email, too.
    stale('contacts', 'list');
    if (!contactId) return stale('log');
    stale('contacts', 'one', contactId);
    void refreshLogHead(client, contactId).catch(() => stale('log', contactId));
  } else if (kind === 'task') {
    stale('tasks');
    if (contactId) stale('log', contactId);
  } else if (kind === 'run') {
    if (contactId) stale('contacts', 'runs', contactId);
    stale('maps', 'list');
    if (mapId) {
      stale('maps', 'one', mapId);
      stale('maps', 'firings', mapId);
    }
  } else if (kind === 'connection') {
    stale('connections', 'mine');
    stale('connections', 'account');
    stale('connections', 'outages');
    if (connectionId) stale('connections', 'one', connectionId);
  } else if (kind === 'contact') {
    stale('contacts', 'list');
    if (contactId) return stale('contacts', 'one', contactId);
    // All of them: exclusions have changed.
    stale('contacts', 'one');
    stale('exclusions');
  }
}

import { createRoute, z } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { ownerOfKey } from '../../accounts/api-keys.ts';
import { loadViewer } from '../../accounts/load-viewer.ts';
import { sessionLasts } from '../../accounts/sessions.ts';
import type { Viewer } from '../../accounts/viewer.ts';
import type { Db } from '../../db/open.ts';
import { AppError } from '../../errors.ts';
import type { ChangeFeed } from '../change-feed.ts';
import { problem, router } from '../router.ts';

const heartbeatMs = 20_000;
const gatherMs = 100;
const cutMs = 5_000;
const mostStreams = 20;

const events = createRoute({
  method: 'get',
  path: '/events',
  tags: ['Events'],
  summary: 'Hear of changes as they happen (server-sent events)',
  description:
    'Event `change` carries `{ kind, contactId?, connectionId?, mapId? }`, kind being log, task, run, connection or contact, and never content: ask for what is on ' +
    'the screen again. Event `all`: ask for everything again. Event `end`: the session or the key has ended.',
  responses: {
    200: { description: 'A stream of events', content: { 'text/event-stream': { schema: z.string() } } },
    default: { description: 'Error', content: { 'application/problem+json': { schema: problem } } },
  } as { 200: { description: string; content: { 'text/event-stream': { schema: z.ZodString } } } },
});

/** /events */
export function eventRoutes(deps: { db: Db; changes: ChangeFeed; heartbeatMs?: number }) {
  const open = new Map<string, number>();
  const beatMs = deps.heartbeatMs ?? heartbeatMs;
  return router().openapi(events, (c) => {
    const viewer = c.get('viewer');
    const streams = (open.get(viewer.userId) ?? 0) + 1;
    if (streams > mostStreams) throw new AppError('rate_limited', 'Too many live streams are open. Close some pages.');
    open.set(viewer.userId, streams);
    const authorization = c.req.header('authorization');
    const stillMay = () => mayListen(deps.db, viewer, { sessionId: c.get('sessionId'), authorization });
    // Proxies must pass events on at once.
    c.header('x-accel-buffering', 'no');
    c.header('cache-control', 'no-store');
    return streamSSE(c, async (stream) => {
      const subscription = deps.changes.subscribe(viewer);
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const over = new AbortController();
      const stop = AbortSignal.any([gone.signal, over.signal, deps.changes.closed]);
      // A client that doesn't read holds a write up for ever, so the stream is cut where its end can't be said.
      stop.addEventListener('abort', () => setTimeout(() => stream.abort(), cutMs).unref());
      const check = setInterval(() => {
        stillMay().then(
          (may) => may || over.abort(),
          () => over.abort(),
        );
      }, beatMs);
      try {
        await stream.write(': connected\n\n');
        while (!stop.aborted) {
          const changes = await subscription.next(AbortSignal.any([stop, AbortSignal.timeout(beatMs)]));
          if (stop.aborted) break;
          if (changes === 'all') await stream.writeSSE({ event: 'all', data: '{}' });
          else if (changes.length === 0) await stream.write(': still here\n\n');
          else for (const change of changes) await stream.writeSSE({ event: 'change', data: JSON.stringify(change) });
          // What comes in a burst goes out together.
          await stream.sleep(gatherMs);
        }
        if (over.signal.aborted) await stream.writeSSE({ event: 'end', data: '{}' });
      } finally {
        clearInterval(check);
        subscription.end();
        const left = (open.get(viewer.userId) ?? 1) - 1;
        if (left > 0) open.set(viewer.userId, left);
        else open.delete(viewer.userId);
      }
    }) as never;
  });
}

/** Whether the session or key is good still, and its user a member of the account in the same role. */
async function mayListen(
  db: Db,
  viewer: Viewer,
  by: { sessionId: string | null; authorization: string | undefined },
): Promise<boolean> {
  const lasts =
    by.sessionId === null
      ? (await ownerOfKey(db, by.authorization?.split(/ +/)[1] ?? '')) !== null
      : await sessionLasts(db, by.sessionId);
  if (!lasts) return false;
  const now = await loadViewer(db, viewer.userId, viewer.accountId, 'only').catch(() => null);
  return now !== null && now.role === viewer.role;
}

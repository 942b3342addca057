import { serve } from '@hono/node-server';
import { once } from 'node:events';
import type { Server } from 'node:http';

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

export interface HttpServer {
  /** From here on requests are answered by this; before, with 503. */
  answerWith(fetch: Fetch): void;
  /** Takes no more requests; open ones (a live stream among them) get `graceMs` to end. */
  close(graceMs?: number): Promise<void>;
}

/** Listens at once, so that a port that is taken shows before anything else is started. Throws an Error with advice then. */
export async function listenHttp(options: { host: string; port: number }): Promise<HttpServer> {
  const { host, port } = options;
  let answer: Fetch = () =>
    new Response('Letterlog is starting.\n', {
      status: 503,
      headers: { 'retry-after': '1', 'content-type': 'text/plain' },
    });
  const server = serve({ fetch: (request, env) => answer(request, env), hostname: host, port }) as Server;
  try {
    await once(server, 'listening');
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, host, port);
  }
  return {
    answerWith(fetch) {
      answer = fetch;
    },
    async close(graceMs = 2_000) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const advice: Record<string, string> = {
    EADDRINUSE: `Port ${port} is taken. Is Letterlog running already? Stop that one, or choose another port (PORT=${port + 1} npm start).`,
    EACCES: `Port ${port} needs more rights than this user has. Choose one from 1024 up (PORT).`,
    EADDRNOTAVAIL: `This machine has no address ${host}. Correct HOST.`,
    ENOTFOUND: `This machine has no address ${host}. Correct HOST.`,
  };
  return new Error(advice[error.code ?? ''] ?? `Can't listen on ${host}:${port}: ${error.message}`, { cause: error });
}

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { serve } from '@hono/node-server';
import { pino } from 'pino';
import { accountKey } from '../../src/accounts/account-key.ts';
import { createSealer } from '../../src/accounts/seal.ts';
import { createSetupToken } from '../../src/accounts/setup.ts';
import { fileBlobs } from '../../src/blobs/file-blobs.ts';
import { createApp } from '../../src/http/app.ts';
import { startChangeFeed } from '../../src/http/change-feed.ts';
import { createJobs } from '../../src/jobs/jobs.ts';
import { contactDeps, eraseDeps } from '../../src/log/for-contacts.ts';
import { parseMessage } from '../../src/mail/parse-message.ts';
import { openPart } from '../../src/mail/part.ts';
import { createAddressGuard } from '../../src/net/guard.ts';
import { memoryProvider } from '../../src/providers/memory/provider.ts';
import { MemoryServer } from '../../src/providers/memory/server.ts';
import { apiClient } from '../servers/api-client.ts';
import { testDatabase } from '../servers/postgres.ts';

export const password = 'correct horse battery';

/** The HTTP side on a real database and a real port, without sync; `publicUrl` null: its own loopback address. */
export async function startHttp(
  options: { publicUrl?: string; webDir?: string; trustProxy?: boolean; heartbeatMs?: number } = {},
) {
  const database = await testDatabase();
  const { db, url: databaseUrl } = database;
  const folder = await mkdtemp(path.join(tmpdir(), 'letterlog-http-'));
  const key = randomBytes(32);
  const sealer = createSealer(key);
  const blobs = fileBlobs(folder);
  let logged = '';
  const log = pino({ level: 'debug' }, new Writable({ write: (chunk, _, done) => ((logged += chunk), done()) }));
  const jobs = createJobs({ url: databaseUrl, role: 'enqueue', log });
  await jobs.start();
  const changes = await startChangeFeed({ db, url: databaseUrl });

  let fetchApp: (request: Request, env: object) => Response | Promise<Response> = () =>
    new Response('', { status: 503 });
  const server = serve({
    fetch: (request, env) => fetchApp(request, env),
    hostname: '127.0.0.1',
    port: 0,
  }) as Server;
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = { url: options.publicUrl ?? url, key, trustProxy: options.trustProxy ?? false };
  const app = createApp({
    db,
    sealer,
    config,
    log,
    jobs,
    changes,
    blobs,
    parser: { parse: parseMessage },
    openPart,
    mailboxes: { providers: { imap: memoryProvider(new MemoryServer()) }, sealer, guard: createAddressGuard([]) },
    deletion: eraseDeps({ blobs }),
    contacts: contactDeps({ sealer, blobs }),
    hashKey: (handle, accountId) => accountKey(handle, sealer, accountId),
    heartbeatMs: options.heartbeatMs,
    webDir: options.webDir ?? path.join(folder, 'web'),
  });
  fetchApp = app.fetch;

  return {
    app,
    config,
    db,
    databaseUrl,
    sealer,
    url,
    logged: () => logged,
    setupToken: async () => (await createSetupToken(db)) as string,
    async [Symbol.asyncDispose]() {
      await changes.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await jobs.stop();
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Http = Awaited<ReturnType<typeof startHttp>>;

/** A request with a JSON body and what else a browser on our page sends; answers status, headers and the parsed body. */
export async function send(
  http: Pick<Http, 'url'>,
  method: string,
  pathname: string,
  options: { body?: unknown; cookie?: string; key?: string; headers?: Record<string, string> } = {},
) {
  const answer = await fetch(`${http.url}${pathname}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.cookie === undefined ? {} : { cookie: options.cookie, origin: http.url }),
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
      ...options.headers,
    },
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
  });
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    // oxlint-disable-next-line typescript/no-explicit-any -- what the routes answer is what is under test
    body: (json ? JSON.parse(text) : null) as any,
    cookie: cookieOf(answer.headers),
  };
}

function cookieOf(headers: Headers): string {
  return headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

/** Sets the installation up; answers the owner's session cookie and API key. */
export async function ownerOf(http: Http, email = 'olivia@letterlog.test') {
  const setup = await send(http, 'POST', '/api/v1/setup', {
    body: {
      token: await http.setupToken(),
      accountName: 'Acme',
      name: 'Olivia Owner',
      email,
      password,
      zone: 'Europe/Berlin',
    },
  });
  if (setup.status !== 201) throw new Error(`set-up: ${setup.status} ${setup.text}`);
  return withKey(http, { email, cookie: setup.cookie, userId: setup.body.userId as string });
}

/** Invites somebody, who accepts as a new user. */
export async function join(http: Http, inviter: { key: string }, email: string, role: string) {
  const invitation = await apiClient(http.url, inviter).post('/invitations', { email, role });
  const token = invitation.link.split('/').at(-1);
  const accepted = await send(http, 'POST', `/api/v1/invitations/by-token/${token}/accept`, {
    body: { name: `${role} ${email}`, password },
  });
  if (accepted.status !== 200) throw new Error(`invitation: ${accepted.status} ${accepted.text}`);
  const me = await send(http, 'GET', '/api/v1/me', { cookie: accepted.cookie });
  return withKey(http, { email, cookie: accepted.cookie, userId: me.body.user.id as string });
}

async function withKey(http: Http, who: { email: string; cookie: string; userId: string }) {
  const made = await send(http, 'POST', '/api/v1/api-keys', { cookie: who.cookie, body: { name: 'test' } });
  if (made.status !== 201) throw new Error(`API key: ${made.status} ${made.text}`);
  return { ...who, key: made.body.key as string, keyId: made.body.id as string };
}

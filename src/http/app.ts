import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { createSignIn } from '../accounts/sign-in.ts';
import { pendingMigrations } from '../db/pending-migrations.ts';
import { AppError } from '../errors.ts';
import { authenticate } from './auth.ts';
import type { AccountDeps, AppDeps } from './deps.ts';
import { answerError } from './errors.ts';
import { openApiDocument } from './openapi.ts';
import { methodsAt, noSuchEndpoint } from './other-methods.ts';
import { requestLog } from './request-log.ts';
import { requireJson } from './require-json.ts';
import { accountRoutes } from './routes/account.ts';
import { apiKeyRoutes } from './routes/api-keys.ts';
import { connectionRoutes } from './routes/connections.ts';
import { checkRoutes } from './routes/checks.ts';
import { contactRoutes } from './routes/contacts.ts';
import { docsPage, docsPolicy } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { exclusionRoutes } from './routes/exclusions.ts';
import { historyRoutes } from './routes/history.ts';
import { invitationRoutes } from './routes/invitations.ts';
import { logRoutes } from './routes/log.ts';
import { mapRoutes } from './routes/maps.ts';
import { meRoutes } from './routes/me.ts';
import { memberRoutes } from './routes/members.ts';
import { outageRoutes } from './routes/outages.ts';
import { quarantineRoutes } from './routes/quarantine.ts';
import { segmentRoutes } from './routes/segments.ts';
import { setupRoutes } from './routes/setup.ts';
import { signInRoutes } from './routes/sign-in.ts';
import { stageRoutes } from './routes/stages.ts';
import { tagRoutes } from './routes/tags.ts';
import { taskRoutes } from './routes/tasks.ts';
import { whyRoutes } from './routes/why.ts';
import { router } from './router.ts';
import type { ApiEnv } from './router.ts';
import { securityHeaders } from './security-headers.ts';
import { serveWeb } from './static.ts';

/** The longest body of a request, in bytes: no route takes files. */
const mostBytes = 1024 * 1024;

/** The whole HTTP side: API, sign-in, reference, health and the web app. */
export function createApp(appDeps: AppDeps) {
  const { db, config, log } = appDeps;
  const signIn = createSignIn({ db, key: config.key, url: config.url, log });
  const deps = { ...appDeps, signIn };
  const api = apiRoutes(deps);
  const document = openApiDocument(api, config.url);

  const app = new Hono<ApiEnv>();
  app.onError(answerError(log));
  app.use(requestLog(log));
  app.use(securityHeaders(config.url));
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => {
    const pending = await pendingMigrations(db).catch(() => null);
    if (pending === null) return c.text('The database cannot be reached.\n', 503);
    return pending.length === 0 ? c.text('ready\n') : c.text('The database is being migrated.\n', 503);
  });
  app.use(
    '/api/*',
    bodyLimit({
      maxSize: mostBytes,
      onError: () => {
        throw new AppError('too_large', `A request may have ${mostBytes} bytes at most.`);
      },
    }),
  );
  app.all('/api/auth/*', signInRoutes(deps));
  app.use('/api/v1/*', authenticate(deps));
  app.use('/api/v1/*', async (c, next) => {
    requireJson(c);
    await next();
  });
  app.get('/api/v1/openapi.json', (c) => c.json(document));
  app.get('/api/v1/docs', (c) => {
    c.header('content-security-policy', docsPolicy);
    return c.html(docsPage(document as Parameters<typeof docsPage>[0]));
  });
  app.route('/api/v1', api);
  for (const path of ['/api/v1/openapi.json', '/api/v1/docs']) app.all(path, () => noSuchEndpoint(['GET', 'HEAD']));
  app.all('/api/v1/*', (c) => noSuchEndpoint(methodsAt(api, c.req.path.slice('/api/v1'.length))));
  app.all('/api/*', () => noSuchEndpoint([]));
  app.use(compress());
  app.all('*', serveWeb(deps.webDir));
  return app;
}

/** Every route below /api/v1, chained so that the client's types know them. */
export function apiRoutes(deps: AppDeps & AccountDeps) {
  return router()
    .route('/', setupRoutes(deps))
    .route('/', meRoutes(deps))
    .route('/', accountRoutes(deps))
    .route('/', memberRoutes(deps))
    .route('/', invitationRoutes(deps))
    .route('/', apiKeyRoutes(deps))
    .route('/', eventRoutes(deps))
    .route('/', contactRoutes(deps))
    .route('/', exclusionRoutes(deps))
    .route('/', tagRoutes(deps))
    .route('/', segmentRoutes(deps))
    .route('/', stageRoutes(deps))
    .route('/', connectionRoutes(deps))
    .route('/', historyRoutes(deps))
    .route('/', checkRoutes(deps))
    .route('/', outageRoutes(deps))
    .route('/', quarantineRoutes(deps))
    .route('/', logRoutes(deps))
    .route('/', whyRoutes(deps))
    .route('/', taskRoutes(deps))
    .route('/', mapRoutes(deps));
}

/** What the typed client is made from: `hc<ApiType>('/api/v1')`. */
export type AppType = ReturnType<typeof apiRoutes>;

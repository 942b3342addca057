/** Composition root: builds the parts, starts them in order, and stops them in reverse. */
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { accountKey } from './accounts/account-key.ts';
import { createSealer } from './accounts/seal.ts';
import { createSetupToken, setupLink } from './accounts/setup.ts';
import { startRuns } from './automations/run.ts';
import { fileBlobs } from './blobs/file-blobs.ts';
import { ConfigError, loadConfig } from './config.ts';
import type { Config } from './config.ts';
import { startEmbedded } from './db/embedded.ts';
import { migrate } from './db/migrate.ts';
import { openDatabase } from './db/open.ts';
import { createApp } from './http/app.ts';
import { startChangeFeed } from './http/change-feed.ts';
import { listenHttp } from './http/serve.ts';
import { createJobs } from './jobs/jobs.ts';
import { runUntilStopped } from './lifecycle.ts';
import type { OnStop } from './lifecycle.ts';
import { contactDeps, eraseDeps } from './log/for-contacts.ts';
import { createLogger } from './logger.ts';
import { createParser } from './mail/parse-pool.ts';
import { openPart } from './mail/part.ts';
import { createSenderChecks } from './mail/sender-checks.ts';
import { createDns } from './net/dns.ts';
import { createAddressGuard } from './net/guard.ts';
import { imapProvider } from './providers/imap/provider.ts';
import { startSync } from './sync/supervisor.ts';

// V8 lets garbage grow to several times what is in use while there is room: an import of a million messages took up to 300 MB, and takes 110 MB so.
setFlagsFromString('--heap-growing-percent=150');

let log: Logger = createLogger('info');

runUntilStopped({
  start: async (onStop) => {
    const config = loadConfig();
    log = createLogger(config.logLevel);
    await start(config, onStop);
  },
  report: (error, during) => {
    // Settings, ports, disks: for a person. All else is for who reads the log.
    if (during === 'start') process.stderr.write(`${error instanceof Error ? explain(error) : String(error)}\n`);
    else log.fatal({ err: error }, `Letterlog failed (${during})`);
  },
});

const explain = (error: Error) =>
  error instanceof ConfigError ? error.message : `Letterlog can't start: ${error.message}`;

async function start(config: Config, onStop: OnStop): Promise<void> {
  const web = config.roles.has('web') ? await listenHttp(config) : null;

  const url = config.databaseUrl ?? (await startDatabase(config, onStop));
  const applied = await migrate(url).catch((cause: Error & { code?: string }) => {
    // Refused, unknown host, wrong password, no such database ...: the message doesn't repeat the address.
    if (config.databaseUrl === null || !/^(E[A-Z]+|28|3D|57P03)/.test(cause.code ?? '')) throw cause;
    throw new Error(`The database of DATABASE_URL can't be used: ${cause.message || cause.code}.`, { cause });
  });
  if (applied.length > 0) log.info({ migrations: applied }, 'database migrated');
  const db = openDatabase(url, { max: config.databaseConnections });
  onStop('database connections', () => db.destroy());

  const sealer = createSealer(config.key);
  const blobs = fileBlobs(path.join(config.dataDir, 'blobs'));
  const guard = createAddressGuard(config.allowInternalHosts);
  const parser = createParser({ threads: config.parserThreads });
  onStop('parser', () => parser.close());
  const providers = {
    imap: imapProvider({ guard, ca: config.tlsCa, connectionsPerServer: config.connectionsPerServer }),
  };

  const jobs = createJobs({ url, role: config.roles.has('jobs') ? 'work' : 'enqueue', log });
  await jobs.start();
  onStop('jobs', () => jobs.stop());
  if (config.roles.has('jobs')) {
    const runs = await startRuns({ db, jobs, log });
    onStop('runs', () => runs.stop());
  }

  if (config.roles.has('sync')) {
    const { sweepSeconds, databaseConnections } = config;
    const senderChecks = config.senderChecks ? createSenderChecks(createDns()) : null;
    const parts = { db, url, providers, sealer, blobs, parser, senderChecks, jobs, log };
    const sync = startSync({ ...parts, sweepSeconds, databaseConnections });
    onStop('sync', () => sync.stop());
  }

  if (web) {
    const changes = await startChangeFeed({ db, url });
    // Together: open screens hold a stream that ends with the feed.
    onStop('http', () => Promise.all([web.close(), changes.close()]));
    const app = createApp({
      db,
      sealer,
      config,
      log,
      jobs,
      changes,
      blobs,
      parser,
      openPart,
      mailboxes: { providers, sealer, guard },
      deletion: eraseDeps({ blobs }),
      contacts: contactDeps({ sealer, blobs }),
      hashKey: (trx, accountId) => accountKey(trx, sealer, accountId),
      webDir: path.join(import.meta.dirname, '../dist/web'),
    });
    announce(config, await createSetupToken(db));
    web.answerWith(app.fetch);
  }
}

async function startDatabase(config: Config, onStop: OnStop): Promise<string> {
  const server = await startEmbedded(path.join(config.dataDir, 'postgres'));
  onStop('embedded database', () => server.stop());
  return server.url;
}

/** What the person who started it waits for; the log is for later. */
function announce(config: Config, setupToken: string | null): void {
  process.stdout.write(`Letterlog is ready: ${config.url}\n`);
  if (setupToken !== null)
    process.stdout.write(`Set it up with this link, once: ${setupLink(config.url, setupToken)}\n`);
}

import { mkdtemp, chmod, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { publishAnswerMap } from '../test/fixtures/answer-map.ts';
import { random } from '../test/fixtures/random.ts';
import { connectMailbox, setUp } from '../test/servers/api-client.ts';
import { startDovecot } from '../test/servers/dovecot.ts';
import { account, accountedFor, type Accounting, observe } from './accounting.ts';
import { openServer } from './database.ts';
import { contacts, createMailboxes, type Delivered, folders, useMailboxes } from './mailboxes.ts';
import { startNetwork } from './network.ts';
import { startProcesses } from './processes.ts';

const mailboxCount = 20;
const lines = 4;
const settlingMs = 5 * 60_000;

export interface Phase {
  name: string;
  /** What each process does (LETTERLOG_ROLES). All listen, so that they can be asked whether they are ready. */
  roles: string[];
  /** On one PostgreSQL of its own, which is killed once; else on the embedded one. */
  ownDatabase: boolean;
}

export interface Outcome {
  delivered: number;
  accounted: number;
  found: Accounting;
  kills: number;
  ended: string[];
}

/** One half of the soak, from an empty installation to the comparison. `say` hears what happens, a line at a time. */
export async function runPhase(
  phase: Phase,
  { seed, ms, stop, say }: { seed: number; ms: number; stop: AbortSignal; say: (line: string) => void },
): Promise<Outcome> {
  await using cleanUp = new AsyncDisposableStack();
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'letterlog-soak-'));
  cleanUp.defer(() => rm(dataDir, { recursive: true, force: true }));
  await chmod(dataDir, 0o711);
  const dovecot = cleanUp.use(await startDovecot());
  const mailboxes = await createMailboxes(dovecot, mailboxCount, phase.name);
  const network = cleanUp.use(await startNetwork(dovecot.ports.imap, lines, seed));
  const open = async () => cleanUp.use(await openServer(path.join(dataDir, 'postgres')));
  const own = phase.ownDatabase ? await open() : null;
  const processes = cleanUp.use(await startProcesses(dataDir, phase.roles, own ? { DATABASE_URL: own.url } : {}, say));
  const database = own ?? (await open());

  const { api } = await setUp(processes.url, processes.setupToken);
  for (const address of contacts)
    await api.post('/contacts', { firstName: address.split('@')[0], addresses: [address] });
  await publishAnswerMap(api);
  for (const [index, { address }] of mailboxes.entries()) {
    const at = { host: '127.0.0.1', port: network.ports[index % lines]!, security: 'plain' };
    await connectMailbox(api, { address, password: 'secret', ...at }, folders);
  }

  const manifest: Delivered[] = [];
  let kills = 0;
  const hit = async (what: string) => {
    kills += 1;
    const [at] = await database.rows<{ logged: number; running: number }>(
      `select (select count(distinct message_id) from log_item)::int as logged, (select count(*) from run where state <> 'ended')::int as running`,
    );
    const expected = manifest.filter(({ contact }) => contact).length;
    const faults = network.now().join(', ') || 'none';
    say(
      `kill ${kills}: ${what}; delivered ${manifest.length}, log ${at!.logged} of ${expected}, runs under way ${at!.running}, faults: ${faults}`,
    );
  };
  const load = AbortSignal.any([AbortSignal.timeout(ms), stop]);
  const killDatabase = async () => {
    await sleep(ms * (0.3 + 0.4 * random(seed).next()), undefined, { signal: load });
    await hit('the database');
    database.kill();
  };
  const [acts] = await Promise.all([
    useMailboxes(dovecot, database, mailboxes, seed, manifest, load),
    network.misbehave(load),
    processes.killAll(seed, load, hit),
    phase.ownDatabase ? killDatabase() : null,
  ]);
  stop.throwIfAborted();
  say(`mail: ${JSON.stringify(acts)}; faults: ${JSON.stringify(network.counts)}; settling`);

  let found: Accounting;
  const settled = Date.now();
  do {
    await sleep(5_000, undefined, { signal: stop });
    found = account(manifest, await observe(dovecot, database, mailboxes));
  } while (
    found.lost.length + found.firedNever.length + found.unfinished.length > 0 &&
    Date.now() - settled < settlingMs
  );
  say(`settled after ${Math.round((Date.now() - settled) / 1000)} s`);
  for (const [what, sentences] of Object.entries(found) as [string, string[]][])
    for (const sentence of sentences.slice(0, 20)) say(`${what}: ${sentence}`);
  const ended = processes.ended();
  for (const output of ended) say(`a process ended by itself; it printed last:\n${output}`);
  return { delivered: manifest.length, accounted: accountedFor(manifest, found), found, kills, ended };
}

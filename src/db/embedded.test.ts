import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startEmbedded } from './embedded.ts';
import type { EmbeddedServer } from './embedded.ts';

const module = path.join(import.meta.dirname, 'embedded.ts');
let root: string;
let dir: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'letterlog-embedded-'));
  await chmod(root, 0o755);
  dir = path.join(root, 'postgres');
});

afterEach(async () => {
  // What a test killed left its server running.
  const pid = await postmaster(dir).catch(() => null);
  if (pid !== null && isAlive(pid)) await (await startEmbedded(dir)).stop();
  await rm(root, { recursive: true, force: true });
});

const query = async (url: string, sql: string) => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

const postmaster = async (folder: string) =>
  Number((await readFile(path.join(folder, 'pg18/postmaster.pid'), 'utf8')).split('\n')[0]);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A process of its own that starts the server and says so; it stops it when told to on stdin. */
async function otherProcess(folder: string, prefix: string[] = []): Promise<{ child: ChildProcess; reused: boolean }> {
  const code = `
    import { startEmbedded } from ${JSON.stringify(module)};
    const server = await startEmbedded(${JSON.stringify(folder)});
    console.log(JSON.stringify({ reused: server.reused }));
    process.stdin.once('data', async () => { await server.stop(); process.exit(0); });`;
  const [file, ...args] = [...prefix, process.execPath, '--input-type=module', '-e', code] as unknown as [
    string,
    ...string[],
  ];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const said = await Promise.race([
    once(child.stdout, 'data').then(([chunk]) => String(chunk)),
    once(child, 'exit').then(([exitCode]) => {
      throw new Error(`ended with ${exitCode}: ${errors}`);
    }),
  ]);
  return { child, reused: JSON.parse(said).reused };
}

async function stopOther(other: { child: ChildProcess }): Promise<void> {
  other.child.stdin?.write('stop\n');
  expect((await once(other.child, 'exit'))[0]).toBe(0);
}

test('a first start makes a server that keeps what is committed, and a later one finds it', async () => {
  const first = await startEmbedded(dir);
  expect(first.reused).toBe(false);
  await query(first.url, 'create table kept as select 42 as answer');
  expect(await query(first.url, "select current_setting('fsync') f, current_setting('listen_addresses') l")).toEqual([
    { f: 'on', l: '' },
  ]);
  await first.stop();
  const second = await startEmbedded(dir);
  expect(second.reused).toBe(false);
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await second.stop();
  await expect(query(second.url, 'select 1')).rejects.toThrow();
});

test('it folds case and sorts beyond ASCII', async () => {
  const server = await startEmbedded(dir);
  expect(await query(server.url, `select lower('ÄÖ') as low, 'Ärger' ilike '%äRG%' as found`)).toEqual([
    { low: 'äö', found: true },
  ]);
  await server.stop();
});

test('two first starts at once share one server, and the last to stop stops it', async () => {
  const [one, two] = (await Promise.all([otherProcess(dir), otherProcess(dir)])) as [
    Awaited<ReturnType<typeof otherProcess>>,
    Awaited<ReturnType<typeof otherProcess>>,
  ];
  expect([one.reused, two.reused].sort()).toEqual([false, true]);
  await stopOther(one);
  const here = await startEmbedded(dir);
  expect(here.reused).toBe(true);
  await stopOther(two);
  expect(await query(here.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await here.stop();
  await expect(query(here.url, 'select 1')).rejects.toThrow();
});

test('many first starts at once share one server', async () => {
  const others = await Promise.all(Array.from({ length: 6 }, () => otherProcess(dir)));
  expect(others.filter(({ reused }) => !reused)).toHaveLength(1);
  for (const other of others) await stopOther(other);
  await expect(access(path.join(dir, 'pg18/postmaster.pid'))).rejects.toThrow('ENOENT');
});

test('a server left over by a killed process is used again', async () => {
  const killed = await otherProcess(dir);
  const pid = await postmaster(dir);
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  const next = await startEmbedded(dir);
  expect(next.reused).toBe(true);
  expect(await postmaster(dir)).toBe(pid);
  await next.stop();
  await expect(query(next.url, 'select 1')).rejects.toThrow();
});

test('the lock of a process that was killed while it started is taken over', async () => {
  const starting = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { startEmbedded } from ${JSON.stringify(module)}; await startEmbedded(${JSON.stringify(dir)});`,
  ]);
  const draft = async () => {
    const name = (await readdir(dir)).find((entry) => entry.startsWith('pg18.draft'));
    await access(path.join(dir, String(name), 'PG_VERSION'));
  };
  await vi.waitFor(draft, { timeout: 60_000, interval: 1 });
  starting.kill('SIGKILL');
  await once(starting, 'exit');
  const server = await startEmbedded(dir);
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a server that was killed is started again and has what was committed', async () => {
  const lost = await otherProcess(dir);
  const { url, stop } = await startEmbedded(dir);
  await query(url, 'create table kept as select 42 as answer');
  await stop();
  const pid = await postmaster(dir);
  lost.child.kill('SIGKILL');
  process.kill(pid, 'SIGKILL');
  const next = await startEmbedded(dir);
  expect(await query(next.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await next.stop();
});

test('while it is held, a server that dies comes back', async () => {
  const server: EmbeddedServer = await startEmbedded(dir);
  process.kill(await postmaster(dir), 'SIGKILL');
  await expect.poll(() => query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
  await expect(query(server.url, 'select 1')).rejects.toThrow();
});

test('a pid file whose number belongs to another program now does not hinder the start', async () => {
  const server = await startEmbedded(dir);
  await server.stop();
  const lines = [process.pid, path.join(dir, 'pg18'), Math.floor(Date.now() / 1000), 5432, dir, '', '', 'ready'];
  await writeFile(path.join(dir, 'pg18/postmaster.pid'), `${lines.join('\n')}\n`);
  const next = await startEmbedded(dir);
  expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await next.stop();
});

test('a data folder at a path too long for a socket works', async () => {
  const long = path.join(root, 'x'.repeat(60), 'y'.repeat(60), 'postgres');
  const server = await startEmbedded(long);
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});

const asRoot = test.runIf(process.getuid?.() === 0);

asRoot('root may keep the data in a folder that nobody else can enter', async () => {
  const closed = path.join(root, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const server = await startEmbedded(path.join(closed, 'postgres'));
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
  // Moved to where the database's own user gets to: its files change hands.
  await chmod(closed, 0o755);
  const moved = await startEmbedded(path.join(closed, 'postgres'));
  expect(await query(moved.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await moved.stop();
});

asRoot('an ordinary user runs the server as themselves', async () => {
  const nobody = Number((await promisify(execFile)('id', ['-u', 'nobody'])).stdout);
  const own = path.join(root, 'own');
  await mkdir(own);
  await promisify(execFile)('chown', [String(nobody), own]);
  const other = await otherProcess(path.join(own, 'postgres'), ['setpriv', `--reuid=${nobody}`, '--clear-groups']);
  expect(other.reused).toBe(false);
  await stopOther(other);
});

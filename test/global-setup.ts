import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../src/db/embedded.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's embedded PostgreSQL lives; the first test that needs it starts it. */
    postgresFolder: string;
  }
}

/** Names the run's database folder, and at its end stops the server (when a test started it) and removes it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'letterlog-test-'));
  const postgres = path.join(folder, 'postgres');
  project.provide('postgresFolder', postgres);
  return async () => {
    if (existsSync(postgres)) await (await startEmbedded(postgres)).stop();
    await rm(folder, { recursive: true, force: true });
  };
}

import { defineConfig } from 'vitest/config';

// `npm test` runs the project "suite", `npm run test:long` the project "long"; naming a file finds it in either.
export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // How long a test waits for what must come: the limit only ends a broken run, so it is longer than the slowest machine needs.
    expect: { poll: { timeout: 60_000, interval: 20 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'suite',
          include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'soak/**/*.test.ts'],
          exclude: ['test/long/**'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'long', include: ['test/long/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 120_000 },
      },
    ],
  },
});

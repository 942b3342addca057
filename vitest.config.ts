import { defineConfig } from 'vitest/config';

// `npm test` runs the project "suite", `npm run test:long` the project "long"; naming a file finds it in either.
export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'suite',
          include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'soak/**/*.test.ts'],
          exclude: ['test/long/**'],
          testTimeout: 30_000,
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

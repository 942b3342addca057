// `npm test`: everything that must hold before a commit. `npm run test:long` (argument "long"): the kill tests.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { buildWebIfNeeded } from './build-web.mjs';
import { installPackages } from './debian-packages.mjs';
import { checkMachine, installIfNeeded, nodeBinary, root, runNode } from './runtime.mjs';

const long = process.argv[2] === 'long';
const rest = process.argv.slice(long ? 3 : 2);

checkMachine();
installPackages();
await installIfNeeded();

const program = (name) => path.join(root, 'node_modules', name);
const vitest = program('vitest/vitest.mjs');

// Every check runs, so that one run tells all that is wrong.
const checks = [
  ['types', [program('typescript/bin/tsc'), '--noEmit']],
  ['lint', [program('oxlint/bin/oxlint'), '--deny-warnings']],
  ['format', [program('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
];
const failed = [];
const say = (name, passed) => {
  if (!passed) failed.push(name);
  process.stdout.write(`== ${name}: ${passed ? 'passed' : 'FAILED'}\n`);
};
for (const [name, args] of long ? [] : checks)
  say(name, spawnSync(nodeBinary(), args, { cwd: root, stdio: 'inherit' }).status === 0);
say('build of the web app', await buildWebIfNeeded());

const reporters = ['--reporter=default', `--reporter=${path.join(root, 'test/totals.ts')}`];
process.chdir(root);
// Checks that failed are named and count with the tests, in the lines that end the run.
process.env.LETTERLOG_TEST_FAILED_CHECKS = failed.join();
const code = await runNode([vitest, 'run', '--project', long ? 'long' : 'suite', ...reporters, ...rest]);
process.exitCode = failed.length > 0 ? 1 : code;

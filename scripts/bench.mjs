// `npm run -s bench -- [name ...] [--json]`: runs the named benches, or all.
import path from 'node:path';
import { installPackages } from './debian-packages.mjs';
import { checkMachine, installIfNeeded, root, runNode } from './runtime.mjs';

checkMachine();
// isync is mbsync, with which imports are compared.
installPackages({ isync: '/usr/bin/mbsync' });
await installIfNeeded();
process.exitCode = await runNode([path.join(root, 'bench/main.ts'), ...process.argv.slice(2)]);

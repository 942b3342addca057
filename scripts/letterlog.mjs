#!/usr/bin/env node
// `npm run letterlog -- <command>`: the command line, on the project's own Node.
import path from 'node:path';
import { checkMachine, installIfNeeded, root, runNode } from './runtime.mjs';

checkMachine();
await installIfNeeded();
process.exitCode = await runNode([path.join(root, 'src/cli/main.ts'), ...process.argv.slice(2)]);

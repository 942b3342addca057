// `npm run -s soak -- [--minutes N] [--seed S] [--json]`: the product under load, faults and kills; see soak/main.ts.
import path from 'node:path';
import { installPackages } from './debian-packages.mjs';
import { checkMachine, installIfNeeded, root, runNode } from './runtime.mjs';

checkMachine();
installPackages();
await installIfNeeded();
process.exitCode = await runNode([path.join(root, 'soak/main.ts'), ...process.argv.slice(2)]);

// `npm start`: from a fresh clone to a running Letterlog.
import path from 'node:path';
import { buildWebIfNeeded } from './build-web.mjs';
import { checkMachine, installIfNeeded, root, runNode } from './runtime.mjs';

checkMachine();
await installIfNeeded();
if (!(await buildWebIfNeeded())) process.exit(1);
process.exitCode = await runNode([path.join(root, 'src/main.ts'), ...process.argv.slice(2)], { tied: true });

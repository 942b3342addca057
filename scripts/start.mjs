// `npm start`: from a fresh clone to a running Letterlog.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildWebIfNeeded } from './build-web.mjs';
import { checkMachine, installIfNeeded, root, runNode } from './runtime.mjs';

checkMachine();
await installIfNeeded();
if (!(await buildWebIfNeeded())) process.exit(1);
// V8 reads these only as it starts. Its young generation grew to 50 MB under a thousand quiet mailboxes and stayed so; at 16 MB an import takes as long.
const flags = JSON.parse(readFileSync(path.join(root, 'scripts/node-flags.json'), 'utf8'));
process.exitCode = await runNode([...flags, path.join(root, 'src/main.ts'), ...process.argv.slice(2)], { tied: true });

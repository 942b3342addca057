import { readdir } from 'node:fs/promises';
import type { Figure } from './figure.ts';

/** `npm run -s bench -- [name ...] [--json]`: runs the named benches, or all; one line for each figure. */
const json = process.argv.includes('--json');
const asked = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const known = (await readdir(import.meta.dirname))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort();

const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No bench is called ${unknown.join(', ')}. There are: ${known.join(', ')}.\n`);
  process.exit(2);
}

for (const name of asked.length > 0 ? asked : known) {
  const { run } = (await import(`./${name}.bench.ts`)) as { run(): AsyncIterable<Figure> };
  for await (const figure of run()) {
    if (json) process.stdout.write(`${JSON.stringify(figure)}\n`);
    else {
      const { bench, ours, reference, unit, ratio, goal, holds } = figure;
      process.stdout.write(
        `${holds ? 'holds ' : 'MISSED'}  ${bench}: ${ours} ${unit}, reference ${reference} ${unit}, ratio ${ratio} (goal: ${goal})\n`,
      );
    }
  }
}

import { help, readFlags } from './flags.ts';
import { type Outcome, type Phase, runPhase } from './phase.ts';

const phases: Phase[] = [
  { name: 'one', roles: ['web,sync,jobs'], ownDatabase: false },
  { name: 'three', roles: ['web,sync', 'web,sync,jobs', 'web,sync,jobs'], ownDatabase: true },
];

function flagsOrExit() {
  try {
    const flags = readFlags(process.argv.slice(2));
    if (flags) return flags;
    process.stdout.write(help);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n"npm run soak -- --help" lists the flags.\n`);
    process.exit(2);
  }
}

const { minutes, seed, json } = flagsOrExit();
const began = Date.now();
const say = (line: string) =>
  void (json ? process.stderr : process.stdout).write(
    `${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}\n`,
  );
// Ended by hand, it still ends all that it started.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

say(`seed ${seed}, ${minutes} minutes of load`);
const outcomes: Outcome[] = [];
for (const phase of phases) {
  say(`phase ${phase.name}: ${phase.roles.length} of ${phase.roles.join(' | ')}`);
  outcomes.push(await runPhase(phase, { seed, ms: minutes * 30_000, stop: stop.signal, say }));
}

const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
const result = {
  seed,
  delivered: sum((outcome) => outcome.delivered),
  accounted: sum((outcome) => outcome.accounted),
  lost: sum((outcome) => outcome.delivered - outcome.accounted),
  twice: sum(({ found }) => found.twice.length),
  firedTwice: sum(({ found }) => found.firedTwice.length),
  firedNever: sum(({ found }) => found.firedNever.length),
  kills: sum((outcome) => outcome.kills),
};
if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
else
  say(
    Object.entries(result)
      .map(([name, figure]) => `${name} ${figure}`)
      .join(', '),
  );
const wrong =
  result.lost + result.twice + result.firedTwice + result.firedNever > 0 ||
  outcomes.some(({ found, ended }) => found.unfinished.length + ended.length > 0);
process.exitCode = wrong ? 1 : 0;

import { parseArgs } from 'node:util';

export interface Flags {
  minutes: number;
  seed: number;
  json: boolean;
}

export const help = `npm run -s soak -- [--minutes N] [--seed S] [--json]

Runs Letterlog on 20 mailboxes of a real Dovecot under steady delivery, moves, deletions, renames and new UIDVALIDITYs,
with a bad network and with kill -9 of its processes: half of the time one process on its embedded database, half of it
three processes on one PostgreSQL, which is killed too. Then every message that was delivered has to be accounted for.

  --minutes N  how long the load lasts, 1 to 1440 (10); settling takes at most 5 minutes more in each half
  --seed S     a whole number below 2^32; the same seed gives the same schedule (another one each time)
  --json       the last line on stdout is the result as JSON; all else goes to stderr
  --help       this text

Exit code: 0 nothing lost or doubled, 1 something was, 2 wrong flags.
`;

/** Reads the command line; null when help is asked for. Throws an Error whose message says what is right. */
export function readFlags(words: string[]): Flags | null {
  const { values } = parseArgs({
    args: words,
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const number = (name: string, text: string | undefined, otherwise: number, least: number, most: number): number => {
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new Error(`--${name} must be a whole number from ${least} to ${most}, not "${text}".`);
    return value;
  };
  return {
    minutes: number('minutes', values.minutes, 10, 1, 1440),
    seed: number('seed', values.seed, Date.now() % 2 ** 32, 0, 2 ** 32 - 1),
    json: values.json,
  };
}

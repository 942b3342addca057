/** `letterlog <command>`: what an administrator does on the machine itself. */
import { parseArgs } from 'node:util';
import { ConfigError } from '../config.ts';
import { AppError } from '../errors.ts';
import { createKey } from './api-key.ts';
import { checkMailbox } from './check.ts';
import { UsageError } from './usage-error.ts';
import { printSetupLink } from './setup-link.ts';

const usage = `Usage: letterlog <command>

  api-key create --email <user> [--name <name>] [--account <id>]
      Makes an API key that acts as this user, and prints it. It is shown this once.
  check --mailbox <address> [--seconds <most>] [--json]
      Has the running server compare a mailbox with the ledger and the Contact Log and repair what differs;
      waits for the result (600 seconds) and prints it. Ends with 1 where something is still missing, a folder or the
      mailbox could not be read, or no server runs, with 0 where nothing is missing. --json: as one JSON object.
  setup-link
      Prints a new set-up link while there is no account yet; the one before is void.
  help
      Prints this.

The settings are those of the server (docs/configuration.md): run it with the same environment and in the same
folder. All but check work whether the server runs or not.
`;

process.exitCode = await run(process.argv.slice(2));

/** Answers the exit code: 0 done, 1 it could not be done or something is missing, 2 the command was wrong. */
async function run(args: string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    const command = positionals.join(' ');
    if (values.help || command === 'help') process.stdout.write(usage);
    else if (command === 'api-key create') process.stdout.write(`${await createKey(values)}\n`);
    else if (command === 'check') {
      const { text, complete } = await checkMailbox(values);
      process.stdout.write(`${text}\n`);
      return complete ? 0 : 1;
    } else if (command === 'setup-link') process.stdout.write(`${await printSetupLink()}\n`);
    else throw new UsageError(command === '' ? 'Name a command.' : `There is no command "${command}".`);
    return 0;
  } catch (error) {
    const { text, code } = explain(error);
    process.stderr.write(`${text}\n`);
    return code;
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        email: { type: 'string' },
        name: { type: 'string' },
        account: { type: 'string' },
        mailbox: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function explain(error: unknown): { text: string; code: number } {
  if (error instanceof UsageError) return { text: `${error.message}\n\n${usage}`, code: 2 };
  if (error instanceof AppError) return { text: [error.message, error.hint].filter(Boolean).join('\n'), code: 1 };
  if (error instanceof ConfigError) return { text: error.message, code: 1 };
  return { text: `It could not be done: ${error instanceof Error ? error.message : String(error)}`, code: 1 };
}

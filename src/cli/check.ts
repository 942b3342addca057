import { setTimeout as sleep } from 'node:timers/promises';
import { differenceKinds, startCheck, viewCheck, viewDifferences } from '../connections/checks.ts';
import type { Difference, MailboxCheck } from '../connections/checks.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { UsageError } from './usage-error.ts';
import { withDatabase } from './with-database.ts';

const lookEveryMs = 500;

/** What the check of one connection came to. */
interface Checked extends MailboxCheck {
  mailbox: string;
  /** All folders could be compared, and nothing is left to repair. */
  complete: boolean;
  found: Difference[];
}

/**
 * Has the running server check the connections of this address; answers what is to be printed, and whether nothing is missing. Waits for `seconds` at most
 * (default 600). Throws UsageError; AppError: not_found, conflict (no result in time).
 */
export async function checkMailbox(options: {
  mailbox?: string;
  seconds?: string;
  json?: boolean;
}): Promise<{ text: string; complete: boolean }> {
  const mailbox = options.mailbox?.trim();
  if (!mailbox) throw new UsageError('Say which mailbox: --mailbox <address>.');
  const seconds = Number(options.seconds ?? 600);
  if (!(seconds > 0)) throw new UsageError('--seconds must be a number above 0.');
  return withDatabase(async (db) => {
    const end = Date.now() + seconds * 1000;
    const checks: Checked[] = [];
    for (const connection of await findSynced(db, mailbox)) checks.push(await check(db, connection, end));
    const complete = checks.every((one) => one.complete);
    const text = options.json ? JSON.stringify({ complete, checks }) : checks.map(describe).join('\n');
    return { text, complete };
  });
}

interface Synced {
  account_id: string;
  id: string;
  address: string;
}

/** Several accounts may sync the same mailbox. */
async function findSynced(db: Db, mailbox: string): Promise<Synced[]> {
  const known = await db
    .selectFrom('connection')
    .select(['account_id', 'id', 'address', 'state'])
    .where((eb) => eb(eb.fn<string>('lower', ['address']), '=', mailbox.toLowerCase()))
    .where('state', '<>', 'deleted')
    .orderBy('id')
    .execute();
  if (known.length === 0)
    throw new AppError(
      'not_found',
      `No mailbox ${mailbox} is connected. The address must be written as on the Email Sync page.`,
    );
  const synced = known.filter(({ state }) => state === 'active' || state === 'failing');
  if (synced.length === 0)
    throw new AppError(
      'conflict',
      `The mailbox ${mailbox} isn't being synced (${known[0]!.state}). Resume it or sign in first.`,
    );
  return synced;
}

async function check(db: Db, { account_id: accountId, id, address }: Synced, end: number): Promise<Checked> {
  const checkId = await startCheck(db, accountId, id, { userId: null });
  let result = await viewCheck(db, accountId, id, checkId);
  while (result.endedAt === null) {
    if (Date.now() > end)
      throw new AppError(
        'conflict',
        'The check has not ended yet. It goes on by itself as soon as the server runs and the mailbox can be read.',
      );
    await sleep(lookEveryMs);
    result = await viewCheck(db, accountId, id, checkId);
  }
  const complete = result.missing === 0 && result.troubles.length === 0;
  return { mailbox: address, complete, ...result, found: await viewDifferences(db, accountId, id, checkId) };
}

function describe({
  mailbox,
  complete,
  listed,
  inLedger,
  differences,
  repaired,
  recovered,
  missing,
  ...rest
}: Checked): string {
  const { troubles, found } = rest;
  return [
    `${mailbox}: ${complete ? 'nothing is missing' : 'NOT COMPLETE'}`,
    `  ${listed} messages listed, ${inLedger} of them in the ledger`,
    `  ${differences} differences, ${repaired} repaired, ${recovered} logged by it, ${missing} left`,
    ...troubles.map(({ folder, error }) => `  ${folder} could not be checked: ${error}`),
    ...found.map(({ folder, ref, kind, ruleBefore, ruleAfter }) => {
      const rules = ref === null ? '' : ` (${ruleBefore ?? 'no row'} > ${ruleAfter ?? 'no row'})`;
      return `  ${folder}${ref === null ? '' : `, message ${ref}`}: ${differenceKinds[kind]}${rules}`;
    }),
  ].join('\n');
}

import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import { differenceKinds, startCheck, viewCheck, viewDifferences } from '../connections/checks.ts';
import type { Difference, MailboxCheck } from '../connections/checks.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { UsageError } from './usage-error.ts';
import { withDatabase } from './with-database.ts';

const lookEveryMs = 500;
/** A server that restarts may be away for so long. */
const awayMs = 30_000;

/** What the check of one connection came to. */
interface Checked extends MailboxCheck {
  mailbox: string;
  /** All folders could be compared, and nothing is left to repair. */
  complete: boolean;
  found: Difference[];
}

/**
 * Has the running server check the connections of this address; answers what is to be printed, and whether nothing is missing. Waits for `seconds` at most
 * (default 600). Throws UsageError; AppError: not_found, conflict (the mailbox isn't synced, no server runs, or no result in time).
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
    const synced = await findSynced(db, mailbox);
    if (!(await isServed(db)))
      throw new AppError(
        'conflict',
        'No Letterlog server is running, and only a server reads mailboxes. Start it, then check.',
      );
    for (const connection of synced) checks.push(await check(db, connection, end));
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
    .select(['account_id', 'id', 'address', 'state', 'state_message'])
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
  if (synced.length === 0) {
    const { address, state, state_message: why } = known[0]!;
    throw new AppError('conflict', `The mailbox ${address} isn't being synced. ${why ?? ''}`.trim(), {
      hint: next[state as keyof typeof next],
    });
  }
  return synced;
}

const next = {
  connecting: 'Choose its folders on the Email Sync page first.',
  paused: 'Let it go on from the Email Sync page, then check.',
  needs_sign_in: 'Its owner must sign in again from the Email Sync page, then check.',
};

/** Why the mailbox can't be read at the moment; null: it can. Asking for a check brings no next try forward. */
async function whyFailing(db: Db, accountId: string, id: string): Promise<string | null> {
  const failing = await db
    .selectFrom('connection')
    .select('state_message')
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .where('state', '=', 'failing')
    .executeTakeFirst();
  return failing ? (failing.state_message ?? '') : null;
}

/** Whether a process syncs mailboxes; one that was killed counts for some seconds more. */
async function isServed(db: Db): Promise<boolean> {
  const { rows } = await sql`select from sync_process where expires_at > clock_timestamp() limit 1`.execute(db);
  return rows.length > 0;
}

async function check(db: Db, { account_id: accountId, id, address }: Synced, end: number): Promise<Checked> {
  const checkId = await startCheck(db, accountId, id, { userId: null });
  let result = await viewCheck(db, accountId, id, checkId);
  let servedAt = Date.now();
  while (result.endedAt === null) {
    const failing = await whyFailing(db, accountId, id);
    if (failing !== null) {
      result = { ...result, error: `${failing} It is checked when it can be read again.` };
      break;
    }
    if (Date.now() > servedAt + awayMs)
      throw new AppError('conflict', 'The server has stopped. The check goes on by itself when it runs again.');
    if (Date.now() > end)
      throw new AppError(
        'conflict',
        result.startedAt
          ? `The check of ${address} goes on, ${result.listed} messages compared so far.`
          : `The check of ${address} waits until the mail that is new in the mailbox has been read.`,
        { hint: 'Its result will be on the page of the mailbox. --seconds waits for longer.' },
      );
    await sleep(lookEveryMs);
    if (await isServed(db)) servedAt = Date.now();
    result = await viewCheck(db, accountId, id, checkId);
  }
  const complete = result.missing === 0 && result.troubles.length === 0 && result.error === null;
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
  const { troubles, found, error } = rest;
  return [
    `${mailbox}: ${complete ? 'nothing is missing' : 'NOT COMPLETE'}`,
    `  ${listed} messages listed, ${inLedger} of them in the ledger`,
    `  ${differences} differences, ${repaired} repaired, ${recovered} logged by it, ${missing} left`,
    ...(error === null ? [] : [`  It ended before every folder was compared: ${error}`]),
    ...troubles.map(({ folder, error: why }) => `  ${folder} could not be checked: ${why}`),
    ...found.map(({ folder, ref, kind, ruleBefore, ruleAfter }) => {
      const rules = ref === null ? '' : ` (${ruleBefore ?? 'no row'} > ${ruleAfter ?? 'no row'})`;
      return `  ${folder}${ref === null ? '' : `, message ${ref}`}: ${differenceKinds[kind]}${rules}`;
    }),
  ].join('\n');
}

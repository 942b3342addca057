import { setTimeout as sleep } from 'node:timers/promises';
import { startCheck, viewCheck, viewDifferences } from '../connections/checks.ts';
import { AppError } from '../errors.ts';
import { UsageError } from './usage-error.ts';
import { withDatabase } from './with-database.ts';

const lookEveryMs = 500;

/** Has the running server check the connections of this address; answers what they found. Waits for `seconds` at most. Throws UsageError or AppError. */
export async function checkMailbox(options: { mailbox?: string; seconds?: string }): Promise<string> {
  const { mailbox } = options;
  if (!mailbox) throw new UsageError('Say which mailbox: --mailbox <address>.');
  const seconds = Number(options.seconds ?? 600);
  if (!(seconds > 0)) throw new UsageError('--seconds must be a number above 0.');
  return withDatabase(async (db) => {
    const connections = await db
      .selectFrom('connection')
      .select(['account_id', 'id'])
      .where('address', '=', mailbox)
      .where('state', 'in', ['active', 'failing'])
      .execute();
    if (connections.length === 0) throw new AppError('not_found', `No mailbox ${mailbox} is being synced.`);
    const end = Date.now() + seconds * 1000;
    const lines: string[] = [];
    for (const { account_id: accountId, id } of connections) {
      const checkId = await startCheck(db, accountId, id, { userId: null });
      let check = await viewCheck(db, accountId, id, checkId);
      while (check.endedAt === null) {
        if (Date.now() > end) {
          throw new AppError(
            'conflict',
            'The check has not ended yet. It goes on by itself as soon as the server runs and the mailbox can be read.',
          );
        }
        await sleep(lookEveryMs);
        check = await viewCheck(db, accountId, id, checkId);
      }
      const { listed, inLedger, differences, repaired, recovered, missing } = check;
      lines.push(
        `${mailbox}: ${listed} listed, ${inLedger} in the ledger, ${differences} differences, ${repaired} repaired, ${recovered} recovered, ${missing} missing`,
      );
      for (const { folder, error } of check.troubles) lines.push(`  ${folder}: could not be checked: ${error}`);
      for (const one of await viewDifferences(db, accountId, id, checkId)) {
        lines.push(
          `  ${one.folder} ${one.ref ?? '-'}: ${one.kind}, ${one.ruleBefore ?? 'no row'} > ${one.ruleAfter ?? 'none'}`,
        );
      }
    }
    return lines.join('\n');
  });
}

import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { keyedHashHex } from '../mail/hash.ts';
import { matchedKeys, openKeys } from './candidate.ts';
import type { Candidate } from './candidate.ts';
import type { Hold } from './hold.ts';
import type { Entry } from './ledger.ts';

/**
 * Notes on the ledger's rows which contacts took part but were excluded, by which exclusion: of what was logged for others, and of what was skipped for it. A row
 * that was decided anew forgets what it said before. `idOf`: the row of what is logged or excluded; `excluded`: the exclusion's id by address key.
 */
export async function writeExclusions(
  trx: Trx,
  hold: Hold,
  entries: readonly Entry[],
  idOf: (candidate: Candidate) => string,
  excluded: ReadonlyMap<string, string>,
): Promise<void> {
  // One that can't be fetched yet goes on saying it: whoever was excluded comes late.
  const again = entries
    .filter(({ candidate, decision }) => candidate.row !== null && decision.state !== 'quarantined' && !decision.dueNow)
    .map(({ candidate }) => candidate.row!.id);
  if (again.length > 0) {
    await sql`delete from sighting_exclusion
      where account_id = ${hold.accountId} and sighting_id = any(${again}::bigint[])`.execute(trx);
  }
  if (excluded.size === 0) return;
  const rows = entries.flatMap(({ candidate, decision }) => {
    if (decision.state !== 'logged' && decision.rule !== 'excluded') return [];
    const open = openKeys(candidate);
    return [...new Set(matchedKeys(candidate))]
      .filter((key) => excluded.has(key))
      .map((key) => ({
        id: idOf(candidate),
        hash: `\\x${keyedHashHex(hold.hashKey, key)}`,
        exclusion: excluded.get(key)!,
        blind: !open.has(key),
      }));
  });
  if (rows.length === 0) return;
  await sql`
    insert into sighting_exclusion (account_id, sighting_id, hash, exclusion_id, blind)
    select ${hold.accountId}, * from unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.hash)}::bytea[],
      ${rows.map((row) => row.exclusion)}::uuid[], ${rows.map((row) => row.blind)}::bool[])`.execute(trx);
}

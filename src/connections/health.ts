import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { isUnsteady } from './unsteady.ts';

/** What mail itself says against a connection, though no call failed. The codes are stable. */
export interface Warning {
  code: 'drifted' | 'unchecked' | 'unsteady' | 'silent';
  /** For people. */
  message: string;
}

interface Row {
  id: string;
  differences: string | null;
  unreadable: number;
  unsteady: string | null;
  silentSince: Date | null;
}

/**
 * The warnings of these connections by id: the latest check that came to its end found differences (but for what somebody deleted or moved) or couldn't read a folder, the server renumbers a chosen folder all the time, or nothing came for over three times the longest
 * gap of 30 days, 24 hours at least (the gap is measured by the daily check). Those that aren't synced have none.
 */
export async function loadHealth(
  db: Db | Trx,
  accountId: string,
  connectionIds: readonly string[],
): Promise<Map<string, Warning[]>> {
  const { rows } = await sql<Row>`
    select c.id, found.differences, coalesce(found.unreadable, 0)::int as unreadable, numbered.unsteady,
      case when mail.latest < now() - make_interval(secs => greatest(3 * latest.longest_gap, 86400)) then mail.latest end as "silentSince"
    from connection c
    left join lateral (
      select k.id, k.longest_gap from mailbox_check k
      where k.account_id = c.account_id and k.connection_id = c.id and k.ended_at is not null and k.error is null order by k.asked_at desc limit 1
    ) latest on true
    left join lateral (
      select sum(f.differences - f.gone) as differences, count(f.error) as unreadable from mailbox_check_folder f
      where f.account_id = c.account_id and f.check_id = latest.id
    ) found on true
    left join lateral (
      select string_agg('“' || f.name || '”', ', ' order by f.name) as unsteady from folder f
      where f.account_id = c.account_id and f.connection_id = c.id and f.chosen and f.gone_at is null and ${isUnsteady}
    ) numbered on true
    left join lateral (
      select max(s.last_mail_at) as latest from stream s where s.account_id = c.account_id and s.connection_id = c.id
    ) mail on latest.longest_gap is not null
    where c.account_id = ${accountId} and c.id = any(${connectionIds}::uuid[]) and c.state in ('active', 'failing')`.execute(
    db,
  );
  return new Map(rows.map((row) => [row.id, warningsOf(row)]));
}

function warningsOf({ differences, unreadable, unsteady, silentSince }: Row): Warning[] {
  const warnings: Warning[] = [];
  const found = Number(differences ?? 0);
  if (found > 0) {
    const message = `The latest check found ${found === 1 ? 'a difference' : `${found} differences`} between the mailbox and the ledger. What it repaired is listed with the check.`;
    warnings.push({ code: 'drifted', message });
  }
  if (unreadable > 0) {
    const message = 'The latest check could not read every chosen folder, so it proves nothing about them.';
    warnings.push({ code: 'unchecked', message });
  }
  if (unsteady !== null) {
    const message = `The server renumbers ${unsteady} again and again. Mail there is recognised by its Message-ID, sender and date instead, and nothing is logged twice. Ask the server's administrator to keep UIDVALIDITY as it is.`;
    warnings.push({ code: 'unsteady', message });
  }
  if (silentSince !== null) {
    const message =
      'No mail has come for over three times as long as usual, though nothing failed. See whether mail still arrives in the mailbox itself.';
    warnings.push({ code: 'silent', message });
  }
  return warnings;
}

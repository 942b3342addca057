import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';

/** PostgreSQL compares each notification of a transaction with the others: a page of firings says "look again" once for each map. */
const most = 10;

/** Tells whoever watches (live updates) that runs of these maps and contacts have changed. Sent when the transaction commits. */
export async function notifyRuns(
  trx: Trx,
  accountId: string,
  changes: readonly { mapId: string; contactId: string }[],
): Promise<void> {
  if (changes.length <= most) {
    for (const change of changes) await notify(trx, 'letterlog_change', { accountId, kind: 'run', ...change });
    return;
  }
  for (const mapId of new Set(changes.map((change) => change.mapId))) await notifyMap(trx, accountId, mapId);
}

/** The same for a map as a whole. */
export async function notifyMap(trx: Trx, accountId: string, mapId: string): Promise<void> {
  await notify(trx, 'letterlog_change', { accountId, kind: 'run', mapId });
}

import { notify } from '../db/listen.ts';
import type { Trx } from '../db/open.ts';

/** PostgreSQL compares each notification of a transaction with the others: a page of firings says "look again" once for each map. */
const most = 10;

/**
 * Tells whoever watches (live updates) that runs of these maps and contacts have changed; with `connectionId` only those who may hear of that connection's mail. Sent when
 * the transaction commits.
 */
export async function notifyRuns(
  trx: Trx,
  accountId: string,
  changes: readonly { mapId: string; contactId: string; connectionId?: string }[],
): Promise<void> {
  if (changes.length <= most) {
    // Named one by one: callers hand over whole firings, and an event has no content.
    for (const { mapId, contactId, connectionId } of changes)
      await notify(trx, 'letterlog_change', { accountId, kind: 'run', mapId, contactId, connectionId });
    return;
  }
  for (const mapId of new Set(changes.map((change) => change.mapId))) await notifyMap(trx, accountId, mapId);
}

/** The same for a map as a whole. */
export async function notifyMap(trx: Trx, accountId: string, mapId: string): Promise<void> {
  await notify(trx, 'letterlog_change', { accountId, kind: 'run', mapId });
}

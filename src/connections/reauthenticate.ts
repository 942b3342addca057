import { sql } from 'kysely';
import { requireEmailSync } from '../accounts/plan.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { notify } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import { requireConnection } from './access.ts';
import type { MailboxDeps } from './deps.ts';
import { limitedSignIn } from './limited-sign-in.ts';
import { sealCredentials } from './load.ts';
import { withMailbox } from './open-mailbox.ts';
import { noteBack } from './outages.ts';
import { refusePlain } from './plain.ts';
import { requireMailboxOf } from './survey.ts';
import { viewConnection } from './view.ts';
import type { Connection } from './view.ts';

/**
 * Signs in to the same mailbox again, with a new password and perhaps new settings; cursors and ledger stay, so what was missed is caught up. A paused connection
 * stays paused. Only the mailbox's owner. Throws AppError: not_found, forbidden, plan_required, rate_limited, and what withMailbox() throws (then nothing changed).
 */
export async function reauthenticate(
  db: Db,
  deps: MailboxDeps,
  viewer: Viewer,
  connectionId: string,
  input: { credentials: Record<string, unknown>; settings?: Record<string, unknown> },
): Promise<Connection> {
  const connection = await requireConnection(db, viewer, connectionId, { as: 'owner' });
  requireEmailSync(viewer);
  const settings = input.settings ?? (connection.settings as Record<string, unknown>);
  await refusePlain(deps, settings);
  const target = { provider: connection.provider, settings, credentials: input.credentials };
  await limitedSignIn(db, viewer, settings, () =>
    withMailbox(deps, target, (mailbox) => requireMailboxOf(mailbox, connection.address)),
  );
  return await db.transaction().execute(async (trx) => {
    const { state } = await requireConnection(trx, viewer, connectionId, { as: 'owner', lock: true });
    const repaired = state === 'needs_sign_in' || state === 'failing';
    await trx
      .updateTable('connection')
      .set({
        settings: JSON.stringify(settings),
        credentials: sealCredentials(deps.sealer, viewer.accountId, connectionId, input.credentials),
        last_authenticated_at: sql<Date>`now()`,
        // What was learned is of the server that it was learned from.
        ...(connection.sender_check === 'learned' && hostOf(settings) !== hostOf(connection.settings)
          ? { authserv_id: null, authserv_looked_at: null }
          : {}),
        // A loop that still runs with the old password may neither commit nor report its failure.
        fence: sql<string>`fence + 1`,
        ...(repaired
          ? { state: 'active', state_code: null, state_message: null, state_since: sql<Date>`now()`, next_try_at: null }
          : {}),
      })
      .where('account_id', '=', viewer.accountId)
      .where('id', '=', connectionId)
      .execute();
    if (repaired) await noteBack(trx, viewer.accountId, connectionId);
    await notify(trx, 'letterlog_connection', { accountId: viewer.accountId, connectionId });
    await notify(trx, 'letterlog_change', { accountId: viewer.accountId, kind: 'connection', connectionId });
    return await viewConnection(trx, viewer.accountId, connectionId);
  });
}

function hostOf(settings: unknown): unknown {
  return (settings as { host?: unknown }).host;
}

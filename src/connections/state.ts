/**
 * The states of a connection, as people see them.
 *
 *   connecting ── folders chosen ──▶ active ◀── all imported ── importing
 *                                      │ ▲ └── history asked for ──▶ │
 *                 refused, or failed   │ │ all streams read once     │
 *                          ┌───────────┘ └──────── catching_up ◀─────│── let go on ── paused
 *                          ▼                        ▲       ▲        ▼               (from any but connecting)
 *     needs_sign_in ◀── failing ── something read ──┘       │     (as active)
 *           └────────────────────── signed in again ────────┘
 *
 * importing and catching_up aren't stored: both are `active` in the table, where last_synced_at is older than state_since, or an outage is open, until everything
 * missed has been read. `failing` tries again by itself at next_try_at, needs_sign_in never does. A deleted connection keeps its row.
 */
import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { notify } from '../db/listen.ts';
import { breakOffChecks } from './checks.ts';
import { noteBack, noteOut } from './outages.ts';

/**
 * Why a connection is in its state. Codes are stable: clients may rely on them. The sentences are what people read where the caller has
 * nothing more exact to say.
 */
export const stateCodes = {
  paused_by_owner: 'Its owner paused it.',
  paused_by_admin: 'An administrator paused it.',
  paused_by_plan: "The account's plan has no Email Sync. Nothing is lost; syncing goes on after an upgrade.",
  owner_left: 'Its owner is no longer a member of the account.',
  refused: 'The server refused the sign-in. Sign in again.',
  unreachable: "The server can't be reached. It is tried again by itself.",
  insecure: "The server's certificate can't be trusted, so nothing is sent to it.",
  host_not_allowed: "The server's address is an internal one, which this installation doesn't allow.",
  rate_limited: 'The server asks to wait. It is tried again by itself.',
  protocol: 'The server answered something unexpected. It is tried again by itself.',
  gone: 'The mailbox is no longer there.',
  unsupported: 'The server lacks something that syncing needs.',
  internal: 'Something went wrong here. It is tried again by itself.',
} as const;

export type StateCode = keyof typeof stateCodes;

/** The state of a connection that isn't deleted, for people; `c` is the connection's row. */
export const shownState = sql<
  'connecting' | 'importing' | 'active' | 'catching_up' | 'paused' | 'needs_sign_in' | 'failing'
>`
  case when c.state <> 'active' then c.state
    when c.last_synced_at < c.state_since or exists (
      select from outage o where o.account_id = c.account_id and o.connection_id = c.id and o.caught_up_at is null) then 'catching_up'
    when exists (select from history h where h.account_id = c.account_id and h.connection_id = c.id and h.state = 'running') then 'importing'
    else 'active' end`;

/**
 * Records what syncing found: the state, why (`message` null: the code's own sentence) and when the next try is; trouble begins an outage, and ends a check. A connection that was paused, deleted
 * or never set up stays as it is. Answers whether it was written; the same state again keeps its `state_since`.
 */
export async function setConnectionState(
  trx: Trx,
  accountId: string,
  connectionId: string,
  change:
    | { state: 'active' }
    | { state: 'failing' | 'needs_sign_in'; code: StateCode; message?: string | null; nextTryAt?: Date | null },
): Promise<boolean> {
  const trouble =
    change.state === 'active' ? null : { code: change.code, message: change.message ?? stateCodes[change.code] };
  const written = await trx
    .updateTable('connection')
    .set((eb) => ({
      state: change.state,
      state_code: trouble?.code ?? null,
      state_message: trouble?.message ?? null,
      next_try_at: change.state === 'active' ? null : (change.nextTryAt ?? null),
      state_since: eb
        .case()
        .when('state', '=', change.state)
        .then(eb.ref('state_since'))
        .else(eb.fn<Date>('now', []))
        .end(),
    }))
    .where('account_id', '=', accountId)
    .where('id', '=', connectionId)
    .where('state', 'in', ['active', 'failing', 'needs_sign_in'])
    .returning('id')
    .executeTakeFirst();
  if (!written) return false;
  if (trouble === null) await noteBack(trx, accountId, connectionId);
  else {
    await noteOut(trx, accountId, connectionId, { ...trouble, refused: change.state === 'needs_sign_in' });
    await breakOffChecks(trx, accountId, [connectionId], trouble.message);
  }
  await notify(trx, 'letterlog_change', { accountId, kind: 'connection', connectionId });
  return true;
}

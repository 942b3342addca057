import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';

/** Beyond that many contacts one notification without a contact says the same for less. */
const mostNamed = 100;

/**
 * Tells the screens, once the transaction commits, that these contacts' logs have news. One statement. `connectionId`: what brought them; where it is private
 * only its owner's screens are told, since the moment alone would tell others of its mail.
 */
export async function notifyLogs(
  trx: Trx,
  accountId: string,
  contactIds: Iterable<string>,
  connectionId?: string,
): Promise<void> {
  const contacts = [...new Set(contactIds)];
  if (contacts.length === 0) return;
  const change = { accountId, kind: 'log', ...(connectionId === undefined ? {} : { connectionId }) };
  const payloads = contacts.length > mostNamed ? [change] : contacts.map((contactId) => ({ ...change, contactId }));
  await sql`select pg_notify('letterlog_change', payload) from unnest(${payloads.map((one) => JSON.stringify(one))}::text[]) as payload`.execute(
    trx,
  );
}

import { createHash, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { MailKind } from '../mail/kinds.ts';
import type { Verdict } from '../mail/verdict.ts';
import { holdPublishedTriggers } from './published.ts';
import type { PublishedTrigger } from './published.ts';
import { notifyRuns } from './notify-runs.ts';

/** One sighting of a message whose sender (From) is a contact. */
export interface SightingOfSender {
  contactId: string;
  messageId: string;
  /** The message's identity (mail/identity.ts, hashed under the account's key), hex. */
  identity: string;
  sightingId: string;
  connectionId: string;
  folderId: string;
  /** What this copy is. */
  kind: MailKind;
  class: 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated';
  /** It was asked that it fires though it isn't live (history). */
  asked?: boolean;
  /** Whether its sender is who From says, by the server that holds this copy. */
  verdict: Verdict;
}

/**
 * Fires *Sends you an email* for every published map, once for each (map, trigger, contact, message) whatever becomes of them later, and
 * starts a run for each firing; returns how many fired. Belongs to the caller's transaction: rows and jobs commit with it or not at all.
 *
 * Only class 'live' fires, and what was asked to (spec, section 5, What fires), and only messages that came after the trigger began to listen: one from
 * before that turns up in one more folder later is still a message from before. A copy that is an automatic reply, a bounce, of a list or of a calendar
 * fires only where the trigger says so (spec B7), and so does one whose sender failed the check (spec B6), or of which nothing is said while that is said of another.
 */
export async function fireEmailReceived(
  trx: Trx,
  jobs: Jobs,
  accountId: string,
  sightings: readonly SightingOfSender[],
): Promise<number> {
  const live = sightings.filter((sighting) => sighting.class === 'live' || sighting.asked);
  if (live.length === 0) return 0;
  const triggers = await holdPublishedTriggers(trx, accountId, 'email_received');
  if (triggers.length === 0) return 0;

  const candidates = new Map<string, Candidate>();
  for (const trigger of triggers) {
    for (const { identity, ...sighting } of live) {
      if (!startsFor(trigger, sighting.kind)) continue;
      if (sighting.verdict === 'fail' && !trigger.alsoUnconfirmed) continue;
      const key = firingKey(trigger.mapId, trigger.triggerId, sighting.contactId, identity);
      const known = candidates.get(key);
      // Of copies in one page the one that is confirmed counts.
      if (!known || (known.verdict === 'none' && sighting.verdict === 'pass'))
        candidates.set(key, { ...trigger, ...sighting, key, runId: randomUUID() });
    }
  }
  const fired = await insertFirings(trx, accountId, [...candidates.values()]);
  if (fired.length === 0) return 0;
  await insertRuns(trx, accountId, fired);
  await jobs.enqueueAll(
    trx,
    'run-step',
    fired.map(({ runId }) => ({ data: { accountId, runId, visit: 0 } })),
  );
  await notifyRuns(trx, accountId, fired);
  return fired.length;
}

/** Whether mail of this kind is what the trigger waits for. */
export function startsFor({ alsoFor }: Pick<PublishedTrigger, 'alsoFor'>, kind: MailKind): boolean {
  return kind === 'personal' || alsoFor.includes(kind);
}

type Candidate = PublishedTrigger & Omit<SightingOfSender, 'identity'> & { key: string; runId: string };

/** Hex. Outlives the rows it names: nothing in it can be read back, and the identity is a keyed hash already. */
export function firingKey(mapId: string, triggerId: string, contactId: string, identity: string): string {
  return createHash('sha256')
    .update(JSON.stringify([mapId, triggerId, contactId, identity]))
    .digest('hex');
}

/**
 * One statement for any number of candidates (jsonb: a page may hold 10,000, and parameters end at 65,535); answers those that fired. Sorted by
 * key, so that two pages that fire for the same messages wait for each other instead of deadlocking; the second finds the first's keys. A contact
 * or message that has been deleted meanwhile fires nothing.
 */
async function insertFirings(trx: Trx, accountId: string, candidates: Candidate[]): Promise<Candidate[]> {
  const { rows } = await sql<{ runId: string }>`
    insert into firing (account_id, key, map_id, trigger_id, contact_id, message_id, sighting_id, run_id)
    select ${accountId}, decode(c.key, 'hex'), c."mapId", c."triggerId", c."contactId", c."messageId", c."sightingId", c."runId"
    from jsonb_to_recordset(${JSON.stringify(candidates)}::jsonb) as c(
      key text, "mapId" uuid, "triggerId" text, "liveSince" timestamptz, "contactId" uuid, "messageId" uuid, "sightingId" bigint,
      "runId" uuid, "alsoUnconfirmed" boolean, verdict text)
    join message m on m.account_id = ${accountId} and m.id = c."messageId" and m.created_at >= c."liveSince"
      and (c.verdict <> 'none' or c."alsoUnconfirmed" or not exists (
        select from sighting s where s.account_id = ${accountId} and s.message_id = m.id and s.verdict = 'fail'))
    join contact on contact.account_id = ${accountId} and contact.id = c."contactId" and contact.deleted_at is null
    order by c.key
    for key share of contact
    on conflict do nothing
    returning run_id as "runId"`.execute(trx);
  const fired = new Set(rows.map(({ runId }) => runId));
  return candidates.filter(({ runId }) => fired.has(runId));
}

async function insertRuns(trx: Trx, accountId: string, fired: Candidate[]): Promise<void> {
  await sql`
    insert into run (account_id, id, map_id, version, contact_id, message_id, state, element_id)
    select ${accountId}, f."runId", f."mapId", f.version, f."contactId", f."messageId", 'running', f."firstElementId"
    from jsonb_to_recordset(${JSON.stringify(fired)}::jsonb) as f(
      "runId" uuid, "mapId" uuid, version integer, "contactId" uuid, "messageId" uuid, "firstElementId" text)`.execute(
    trx,
  );
}

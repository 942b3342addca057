import { sql } from 'kysely';
import type { DifferenceKind } from '../connections/checks.ts';
import type { AddressMatches } from '../contacts/match.ts';
import type { Trx } from '../db/open.ts';
import { removeEmptyThreads } from '../log/erase-messages.ts';
import { lockThreads } from '../log/join-threads.ts';
import { lateRules } from '../log/rules.ts';
import type { SenderVerdict } from '../mail/verdict.ts';
import type { Candidate, DueRow } from './candidate.ts';
import { matchedKeys } from './candidate.ts';
import type { Decision } from './decide.ts';
import type { Hold } from './hold.ts';
import { placeKey } from './ledger.ts';
import { decideAll, matchAll } from './store.ts';

/** A ledger row as a check sees it. */
export interface CheckedRow {
  id: string;
  identity: string | null;
  /** Of the message that it names; null: it names none. */
  messageIdentity: string | null;
  messageId: string | null;
  state: 'logged' | 'skipped' | 'quarantined';
  rule: string;
  due: boolean;
  /** Since when it is vanished or superseded. */
  voidSince: Date | null;
  listedAt: Date;
  /** What was found about its sender; null: nobody looked. */
  sender: SenderVerdict | null;
  /** The contacts whose logs have the message. */
  contactIds: string[];
}

export interface Found {
  candidate: Candidate;
  kind: DifferenceKind;
  row: CheckedRow | undefined;
}

/** When the server was asked, and whether history is being imported, so that its rows may still be to come. */
export interface Listing {
  begun: Date;
  importing: boolean;
}

/**
 * Compares what the server has with the ledger and the log, deciding anew from the heads: two queries for the rows and what belongs to them, whatever the number.
 * Final only inside inHold(). Answers the differences, and the rows that were found.
 */
export async function compare(
  trx: Trx | Hold['db'],
  hold: Hold,
  candidates: readonly Candidate[],
  listing: Listing,
): Promise<{ differences: Found[]; rowIds: string[] }> {
  const matches = await matchAll(trx, hold, candidates);
  const rows = await findChecked(trx, hold.accountId, candidates);
  for (const candidate of candidates) {
    const row = rows.get(placeKey(candidate.folderId, candidate.place));
    // What we found ourselves when it came can't be found again later.
    if (row?.sender && row.identity === candidate.identity) candidate.checked ??= row.sender;
  }
  const decided = await decideAll(trx, hold, candidates, matches);
  const differences = decided.flatMap(({ candidate, decision }) => {
    const row = rows.get(placeKey(candidate.folderId, candidate.place));
    const kind = differenceOf(candidate, row, decision, listing);
    return kind === null ? [] : [{ candidate, kind, row }];
  });
  return { differences, rowIds: [...rows.values()].map((row) => row.id) };
}

function differenceOf(
  { head, identity, ownClass }: Candidate,
  row: CheckedRow | undefined,
  decision: Decision,
  { importing, begun }: Listing,
): DifferenceKind | null {
  const toCome = importing && ownClass === 'history';
  if (row === undefined) return toCome ? null : 'missing_row';
  if (row.identity !== null && identity !== null && row.identity !== identity) return 'other_message';
  if (row.voidSince !== null) return row.voidSince < begun ? 'wrongly_vanished' : null;
  // It is decided anew by itself, or a person has decided.
  if (row.due || row.rule === 'dismissed') return null;
  if (row.state === 'quarantined') return 'decision_differs';
  if (head === null || toCome) return null;
  const belongs = decision.state === 'logged' || decision.dueNow;
  if (row.state === 'skipped') return belongs || !sameRule(row.rule, decision.rule) ? 'decision_differs' : null;
  if (row.messageIdentity !== row.identity) return 'decision_differs';
  const there = new Set(row.contactIds);
  if (belongs) return decision.items.every(({ contactId }) => there.has(contactId)) ? null : 'missing_log_item';
  // Once logged it stays, whatever became of the address or the flags: only an erasure takes it back.
  return there.size > 0 ? null : 'decision_differs';
}

/** Own addresses come and go, and so does the flag of a draft. */
function sameRule(rule: string, anew: string): boolean {
  const late: readonly string[] = lateRules;
  return rule === anew || anew === 'draft' || (late.includes(rule) && late.includes(anew));
}

async function findChecked(
  trx: Trx | Hold['db'],
  accountId: string,
  candidates: readonly Candidate[],
): Promise<Map<string, CheckedRow>> {
  const { rows } = await sql<CheckedRow & { folderId: string; epoch: string; ref: string }>`
    select s.id, encode(s.identity, 'hex') as identity, encode(m.identity, 'hex') as "messageIdentity", s.message_id as "messageId", s.state, s.rule,
      s.due_at is not null as due, least(s.vanished_at, s.superseded_at) as "voidSince", s.listed_at as "listedAt",
      case when s.verdict is not null then json_build_object('verdict', s.verdict, 'by', s.verdict_by, 'results', s.verdict_results) end as sender,
      array(select li.contact_id::text from log_item li where li.account_id = s.account_id and li.message_id = s.message_id) as "contactIds",
      s.folder_id as "folderId", s.epoch, s.ref
    from unnest(${candidates.map((one) => one.folderId)}::uuid[], ${candidates.map((one) => one.place.epoch)}::text[],
      ${candidates.map((one) => one.place.ref)}::text[]) as place (folder_id, epoch, ref)
    join sighting s on s.folder_id = place.folder_id and s.epoch = place.epoch and s.ref = place.ref
    left join message m on m.account_id = s.account_id and m.id = s.message_id
    where s.account_id = ${accountId}`.execute(trx);
  return new Map(rows.map((row) => [placeKey(row.folderId, row), row]));
}

/**
 * What is to be stored to put these right. A row that is decided anew counts from when it was listed first: only who was a contact then makes it
 * live (spec, section 5, What fires).
 */
export async function toRepair(trx: Trx, hold: Hold, differences: readonly Found[]): Promise<Candidate[]> {
  const matches = await matchAll(
    trx,
    hold,
    differences.map(({ candidate }) => candidate),
  );
  const since = await contactsSince(trx, hold.accountId, matches);
  return differences.map(({ candidate, kind, row }) => {
    if (row === undefined || kind === 'other_message' || kind === 'wrongly_vanished') return candidate;
    const keys = [...matchedKeys(candidate)];
    // Whoever was excluded comes late, too.
    const wasContact = new Set(
      keys.filter(
        (key) => row.rule !== 'excluded' && (since.get(key)?.getTime() ?? Infinity) <= row.listedAt.getTime(),
      ),
    );
    const anew: DueRow = {
      id: row.id,
      state: row.state,
      rule: row.rule,
      tries: 0,
      class: wasContact.size > 0 ? candidate.ownClass : 'late_contact',
      vanished: false,
      strangers: new Set(),
      wasContact,
    };
    return { ...candidate, row: anew };
  });
}

async function contactsSince(trx: Trx, accountId: string, { contacts }: AddressMatches): Promise<Map<string, Date>> {
  if (contacts.size === 0) return new Map();
  const { rows } = await sql<{ address_key: string; created_at: Date }>`
    select address_key, created_at from contact_address
    where account_id = ${accountId} and address_key = any(${[...contacts.keys()]}::text[])`.execute(trx);
  return new Map(rows.map((row) => [row.address_key, row.created_at]));
}

/** Removes messages that no row and no log holds any more, such as one that a row named wrongly; answers the keys of their blobs. */
export async function removeUnseen(
  trx: Trx,
  accountId: string,
  messageIds: readonly (string | null)[],
): Promise<string[]> {
  const ids = messageIds.filter((id) => id !== null);
  if (ids.length === 0) return [];
  // Before the messages, as pages take it before they name them.
  await lockThreads(trx, accountId);
  const { rows } = await sql<{ raw: string | null; thread: string | null }>`
    delete from message m where m.account_id = ${accountId} and m.id = any(${ids}::uuid[])
      and not exists (select from sighting s where s.account_id = m.account_id and s.message_id = m.id)
      and not exists (select from log_item li where li.account_id = m.account_id and li.message_id = m.id)
    returning m.raw, m.thread_key as thread`.execute(trx);
  await removeEmptyThreads(
    trx,
    accountId,
    rows.map(({ thread }) => thread),
  );
  return rows.flatMap(({ raw }) => raw ?? []);
}

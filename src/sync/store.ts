import { setTimeout as sleep } from 'node:timers/promises';
import type { SightingOfSender } from '../automations/fire.ts';
import { askedOf } from '../connections/history.ts';
import { matchAddresses } from '../contacts/match.ts';
import type { AddressMatches } from '../contacts/match.ts';
import type { Trx } from '../db/open.ts';
import { appendEmails } from '../log/append.ts';
import type { Appended, Email } from '../log/append.ts';
import { notifyLogs } from '../log/notify-logs.ts';
import { lateRules } from '../log/rules.ts';
import { keyedHash } from '../mail/hash.ts';
import { referencesOf } from '../mail/head.ts';
import { serverVerdict } from '../mail/verdict.ts';
import type { SenderVerdict } from '../mail/verdict.ts';
import { LongWork } from '../turns.ts';
import type { Candidate, DueRow } from './candidate.ts';
import { isMigrated, matchedKeys } from './candidate.ts';
import { decide } from './decide.ts';
import type { Decision } from './decide.ts';
import { writeExclusions } from './excluded.ts';
import { onlyGenuineRecipients } from './genuine.ts';
import { NotYetDurable } from './hold.ts';
import type { Hold } from './hold.ts';
import { findDismissed, findKnown, findRows, insertSightings, placeKey, touchRows, updateSightings } from './ledger.ts';
import type { Entry, KnownRow } from './ledger.ts';
import { strangersIn } from './strangers.ts';

export interface Stored {
  logged: number;
  skipped: number;
  quarantined: number;
  /** Some rows are to be decided anew at once. */
  due: boolean;
  /** Blobs that nothing names any more: remove them after the commit (log/remove-unnamed.ts). */
  unnamed: string[];
}

export const nothingStored: Readonly<Stored> = { logged: 0, skipped: 0, quarantined: 0, due: false, unnamed: [] };

/**
 * Decides about sightings and writes all that follows: match, append, ledger, trigger, notify. Set-wise: the number of statements doesn't depend on the number of sightings. Runs in
 * a transaction of inHold(), whose address lock makes the matching final.
 */
export async function storeCandidates(trx: Trx, hold: Hold, candidates: readonly Candidate[]): Promise<Stored> {
  const stored: Stored = { ...nothingStored };
  const matches = await matchAll(trx, hold, candidates);
  const { fresh, due } = await onlyFresh(trx, hold, candidates, matches);
  if (fresh.length === 0) return { ...stored, due };

  const decided = await decideAll(trx, hold, fresh, matches);
  const { entries, senders, contactIds, unnamed } = await append(trx, hold, decided, matches);
  const ids = await insertSightings(
    trx,
    hold,
    entries.filter((entry) => entry.candidate.row === null),
  );
  await updateSightings(
    trx,
    hold,
    entries.filter((entry) => entry.candidate.row !== null),
  );
  const idOf = ({ row, folderId, place }: Candidate) => row?.id ?? ids.get(placeKey(folderId, place))!;
  await writeExclusions(trx, hold, entries, idOf, matches.excluded);
  const sightings = senders.map(({ candidate, ...sender }) => ({
    ...sender,
    identity: candidate.identity!,
    sightingId: idOf(candidate),
    connectionId: hold.connectionId,
    folderId: candidate.folderId,
  }));
  if (sightings.length > 0) await hold.fire(trx, hold.accountId, sightings);
  await notifyLogs(trx, hold.accountId, contactIds, hold.connectionId);
  await requireBlobs(hold, candidates, decided);

  for (const { decision } of entries) stored[decision.state] += 1;
  // Wanted for a contact who is none any more.
  const unused = decided.flatMap(({ candidate: { content }, decision }) =>
    content && decision.state !== 'logged' ? [content.raw] : [],
  );
  stored.unnamed = [...unnamed, ...unused];
  stored.due = due || entries.some(({ decision }) => decision.dueNow);
  return stored;
}

/** Whose the addresses in these candidates are. What lies and dates decide alone isn't asked about. */
export async function matchAll(
  trx: Trx | Hold['db'],
  hold: Hold,
  candidates: readonly Candidate[],
): Promise<AddressMatches> {
  const keys = candidates.filter((one) => one.early === null).flatMap((one) => [...matchedKeys(one)]);
  return await matchAddresses(trx, hold, keys);
}

/**
 * Leaves out what the ledger has already; its rows are put right where the listing shows that they are alive after all, belong to a contact by now, or name a
 * number that has been given to another message.
 */
async function onlyFresh(
  trx: Trx,
  hold: Hold,
  candidates: readonly Candidate[],
  matches: AddressMatches,
): Promise<{ fresh: Candidate[]; due: boolean }> {
  const listed = new Map<string, Candidate>();
  const fresh: Candidate[] = [];
  const again: Candidate[] = [];
  for (const candidate of candidates) {
    if (candidate.row === null) listed.set(placeKey(candidate.folderId, candidate.place), candidate);
    else again.push(candidate);
  }
  const dismissed = await findDismissed(trx, hold.accountId, again);
  fresh.push(...again.filter(({ row }) => !dismissed.has(row!.id)));
  if (listed.size === 0) return { fresh, due: false };
  const rows = await findRows(trx, hold.accountId, [...listed.values()]);
  const ids = { revived: [] as string[], due: [] as string[], replaced: [] as string[] };
  for (const [key, candidate] of listed) {
    const row = rows.get(key);
    const other = row && isOther(row, candidate);
    if (!row || other) fresh.push(candidate);
    if (other) ids.replaced.push(row.id);
    if (!row || other) continue;
    if (row.void) ids.revived.push(row.id);
    if (row.rule === 'before_start' && candidate.ownClass === 'history') {
      // Another one: the transaction may be rolled back and run again.
      const asked: DueRow = {
        ...row,
        state: 'skipped',
        tries: 0,
        class: 'history',
        vanished: false,
        strangers: new Set(),
      };
      fresh.push({ ...candidate, row: asked });
      continue;
    }
    if (isLate(row, candidate, matches)) ids.due.push(row.id);
  }
  await touchRows(trx, hold.accountId, ids);
  return { fresh, due: ids.revived.length + ids.due.length > 0 };
}

function isOther(row: KnownRow, { identity }: Candidate): boolean {
  return row.identity !== null && identity !== null && row.identity !== identity;
}

function isLate(row: KnownRow, candidate: Candidate, { contacts }: AddressMatches): boolean {
  if (row.due || row.state !== 'skipped' || !lateRules.some((rule) => rule === row.rule)) return false;
  return [...matchedKeys(candidate)].some((key) => contacts.has(key));
}

/** What is to be said of these now; known messages are looked up. */
export async function decideAll(
  trx: Trx | Hold['db'],
  hold: Hold,
  candidates: readonly Candidate[],
  matches: AddressMatches,
): Promise<{ candidate: Candidate; decision: Decision }[]> {
  const matched = candidates.filter((one) => one.early === null && hasContact(one, matches));
  const known = await findKnown(
    trx,
    hold,
    matched.flatMap((one) => one.identity ?? []),
  );
  const decided = candidates.map((candidate) => {
    const before = candidate.identity ? known.get(candidate.identity) : undefined;
    const confirmed = before?.forged === true && judge(hold, candidate).verdict === 'pass';
    return { candidate, decision: decide(candidate, matches, before, confirmed) };
  });
  const verdictOf = (candidate: Candidate) => judge(hold, candidate).verdict;
  return await onlyGenuineRecipients(trx, hold.accountId, decided, known, verdictOf);
}

export function hasContact(candidate: Candidate, { contacts }: AddressMatches): boolean {
  for (const key of matchedKeys(candidate)) if (contacts.has(key)) return true;
  return false;
}

type Sender = Pick<SightingOfSender, 'contactId' | 'messageId' | 'kind' | 'class' | 'asked' | 'verdict'> & {
  candidate: Candidate;
};

async function append(
  trx: Trx,
  hold: Hold,
  decided: readonly { candidate: Candidate; decision: Decision }[],
  { contacts }: AddressMatches,
): Promise<Pick<Appended, 'contactIds' | 'unnamed'> & { entries: Entry[]; senders: Sender[] }> {
  const logged = decided.filter(({ decision }) => decision.state === 'logged');
  const verdictOf = new Map(logged.map(({ candidate }) => [candidate, judge(hold, candidate)]));
  const emails = logged.map(({ candidate, decision }) =>
    asEmail(hold, candidate, decision, verdictOf.get(candidate)!.verdict === 'fail'),
  );
  const appended: Appended = emails.length
    ? await appendEmails(trx, hold, emails)
    : { messageIds: [], contactIds: [], unnamed: [], classOf: () => undefined };
  const messageOf = new Map(logged.map((one, i) => [one.candidate, appended.messageIds[i]!]));
  const senders = logged.flatMap(({ candidate, decision }) =>
    decision.items
      .filter((item) => item.direction === 'received')
      .map(({ contactId, class: first }) => {
        const messageId = messageOf.get(candidate)!;
        const sender = {
          candidate,
          contactId,
          messageId,
          kind: decision.kind!,
          verdict: verdictOf.get(candidate)!.verdict,
        };
        const known = appended.classOf(contactId, messageId) ?? first;
        // What was found as history fires by what was asked for with it, whatever another mailbox knew of the message.
        if (candidate.ownClass !== 'history') return { ...sender, class: known, asked: false };
        const asked = known === 'history' && askedOf(hold.history, candidate.receivedAt)?.fires === true;
        return { ...sender, class: 'history' as const, asked };
      }),
  );
  const strangersOf = strangersIn(hold, contacts);
  const entries: Entry[] = [];
  const work = new LongWork();
  for (const { candidate, decision } of decided) {
    if (work.isLong()) await work.giveWay();
    entries.push({
      candidate,
      decision,
      strangers: strangersOf(candidate, decision),
      messageId: messageOf.get(candidate) ?? null,
      verdict: verdictOf.get(candidate) ?? null,
    });
  }
  return { entries, senders, contactIds: appended.contactIds, unnamed: appended.unnamed };
}

/** Before its body is there: its server confirms the sender, or says nothing. */
export function mayBeConfirmed({ trust }: Hold, { head }: Candidate): boolean {
  return trust !== null && head !== null && (serverVerdict(head, trust)?.verdict ?? 'pass') === 'pass';
}

/** About the sender of this copy: what the mailbox's own server found, else what we found ourselves. */
function judge({ trust }: Hold, { head, checked }: Candidate): SenderVerdict {
  const nothing = { verdict: 'none' as const, by: null, results: null };
  return trust === null || head === null ? nothing : (serverVerdict(head, trust) ?? checked ?? nothing);
}

/** Milliseconds that a transaction, with all that it holds, waits for the disk. */
const longestFsync = 1000;

/**
 * What is going to be committed names raw messages: they must be on the disk, and there. An erasure that was under way when one was kept may have removed it since
 * (log/remove-unnamed.ts): throws, and all is fetched anew. Throws NotYetDurable where the disk takes long.
 */
async function requireBlobs(
  hold: Hold,
  candidates: readonly Candidate[],
  decided: readonly { candidate: Candidate; decision: Decision }[],
): Promise<void> {
  const durable = Promise.all(candidates.map(({ content }) => content?.durable)).then(() => true);
  if (!(await Promise.race([durable, sleep(longestFsync, false, { ref: false })]))) throw new NotYetDurable();
  const keys = decided.flatMap(({ candidate: { content }, decision }) =>
    decision.state === 'logged' && (decision.messageId === null || decision.replaces) && content ? [content.raw] : [],
  );
  if (!(await hold.blobs.has(hold.accountId, keys)))
    throw new Error('A message was erased while it was being logged again.');
}

function asEmail(hold: Hold, candidate: Candidate, decision: Decision, failed: boolean): Email {
  const head = candidate.head!;
  const receivedAt = candidate.receivedAt ?? head.date ?? new Date();
  const mayBeMigrated = decision.class === 'migrated' || decision.class === 'history';
  return {
    identity: candidate.identity!,
    connectionId: hold.connectionId,
    head,
    references: referencesOf(head).map((id) => keyedHash(hold.hashKey, id)),
    people: decision.disputed ? candidate.people.filter(({ role }) => role !== 'bcc') : candidate.people,
    receivedAt,
    // A migration gives all messages one receive time.
    at: mayBeMigrated && head.date && isMigrated(head, receivedAt) ? head.date : receivedAt,
    content: candidate.content,
    messageId: decision.messageId,
    failed,
    replaces: decision.replaces,
    kind: decision.kind!,
    items: decision.items,
  };
}

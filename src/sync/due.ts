import { sql } from 'kysely';
import type { Readable } from 'node:stream';
import { removeUnnamed } from '../log/remove-unnamed.ts';
import { keyedHashHex } from '../mail/hash.ts';
import { parseHead } from '../mail/parse-head.ts';
import type { Mailbox } from '../providers/provider.ts';
import type { Candidate, DueRow } from './candidate.ts';
import { ageOf, matchedKeys, readHead } from './candidate.ts';
import { Bodies, fetchEach, keepLarge } from './fetch-bodies.ts';
import type { Suspects } from './fetch-bodies.ts';
import { peekHead } from './peek-head.ts';
import { inHold } from './hold.ts';
import type { Hold } from './hold.ts';
import { storing } from './ingest.ts';
import { inParts } from './parts.ts';
import { storeCandidates } from './store.ts';
import { chosenAt } from './streams.ts';
import { wantedBodies } from './wanted.ts';

/** Rows that are fetched at a time; their bodies, up to 1 MiB each, are in memory. */
const most = 32;

/**
 * Decides anew about a batch of the connection's due rows: quarantined ones, and skipped ones whose participants became contacts. They are fetched by place and go the way of any
 * page, so a late contact can't race the ingest. Answers how many were due: call it again until there are none. Throws ProviderError, Fenced.
 */
export async function decideDue(hold: Hold, mailbox: Mailbox, suspects: Suspects): Promise<number> {
  const rows = await loadDue(hold);
  if (rows.length === 0) return 0;
  const candidates = rows.map((row) => asCandidate(row));
  await readAgain(hold, mailbox, suspects, rows, candidates);
  for (const part of inParts(candidates)) {
    const store = () => inHold(hold, (trx) => storeCandidates(trx, hold, part), part);
    const { unnamed } = await storing(hold, part, store);
    await removeUnnamed(hold.db, hold.blobs, hold.accountId, unnamed);
  }
  return rows.length;
}

/** When the connection's next row is due, from the database's clock; null: there is none. Milliseconds from now. */
export async function nextDueIn(hold: Hold): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select (extract(epoch from s.due_at - now()) * 1000)::float8 as ms ${dueRows(hold)} order by s.due_at limit 1`.execute(
    hold.db,
  );
  const ms = rows[0]?.ms ?? null;
  return ms === null ? null : Math.max(0, ms);
}

interface LoadedRow extends Omit<DueRow, 'strangers'> {
  folderId: string;
  folder: string;
  startCursor: string;
  chosenCursor: string | null;
  chosenAt: number | null;
  epoch: string;
  ref: string;
  receivedAt: Date | null;
  size: string | null;
  hashes: string[];
}

const dueRows = (hold: Hold) => sql`
  from sighting s join folder f on f.account_id = s.account_id and f.connection_id = s.connection_id and f.id = s.folder_id
  join stream st on st.account_id = f.account_id and st.id = f.stream_id
  where s.account_id = ${hold.accountId} and s.connection_id = ${hold.connectionId} and s.due_at is not null
    and s.superseded_at is null and f.chosen and f.gone_at is null`;

async function loadDue(hold: Hold): Promise<LoadedRow[]> {
  const { rows } = await sql<LoadedRow>`
    select s.id, s.state, s.rule, s.tries, s.class, s.vanished_at is not null as vanished, s.folder_id as "folderId", f.ref as folder,
      st.start_cursor as "startCursor", f.chosen_cursor as "chosenCursor", ${chosenAt} as "chosenAt", s.epoch, s.ref, s.received_at as "receivedAt", s.size,
      case when s.state = 'quarantined' then array(select encode(hash, 'hex') from unnest(s.strangers) hash) else '{}' end as hashes
    ${dueRows(hold)} and s.due_at <= now() order by s.due_at, s.id limit ${most}`.execute(hold.db);
  // One folder after the other: some servers take long to change.
  return rows.sort((a, b) => (a.folder < b.folder ? -1 : a.folder > b.folder ? 1 : Number(a.id) - Number(b.id)));
}

function asCandidate(row: LoadedRow): Candidate {
  return {
    place: { folder: row.folder, epoch: row.epoch, ref: row.ref },
    folderId: row.folderId,
    receivedAt: row.receivedAt,
    size: row.size === null ? null : Number(row.size),
    head: null,
    people: [],
    identity: null,
    messageIdHash: null,
    early: null,
    ownClass: 'live',
    content: null,
    failure: null,
    received: false,
    checked: null,
    row: { ...row, strangers: new Set() },
  };
}

/** Fetches the messages and reads their heads; keeps only those that still match a contact: a stranger's mail isn't stored. */
async function readAgain(
  hold: Hold,
  mailbox: Mailbox,
  suspects: Suspects,
  rows: readonly LoadedRow[],
  candidates: readonly Candidate[],
): Promise<void> {
  const arrived = new Map<Candidate, Buffer>();
  await fetchEach(
    mailbox,
    candidates.map((one) => one.place),
    suspects,
    async (index, arrival) => {
      const candidate = candidates[index]!;
      if ('rule' in arrival) {
        candidate.failure = arrival;
        return;
      }
      candidate.receivedAt ??= arrival.receivedAt;
      candidate.size ??= arrival.size;
      if (Buffer.isBuffer(arrival.raw)) {
        complete(hold, mailbox, candidate, rows[index]!, arrival.raw);
        arrived.set(candidate, arrival.raw);
        return;
      }
      const { head, whole } = await peekHead(arrival.raw);
      complete(hold, mailbox, candidate, rows[index]!, head);
      if ((await wantedBodies(hold, [candidate])).length > 0) await keepLarge(hold, candidate, whole);
      else await drain(whole);
    },
  );
  const bodies = new Bodies(hold);
  for (const candidate of await wantedBodies(hold, [...arrived.keys()]))
    await bodies.keep(candidate, arrived.get(candidate)!);
  await bodies.ready();
}

async function drain(raw: Readable): Promise<void> {
  for await (const _chunk of raw);
}

/** What the head tells. */
function complete(hold: Hold, mailbox: Mailbox, candidate: Candidate, loaded: LoadedRow, raw: Buffer): void {
  const head = parseHead(raw);
  Object.assign(candidate, readHead(hold, head));
  const age = ageOf(hold, mailbox, loaded, candidate.place, head, candidate.receivedAt);
  candidate.ownClass = age.ownClass;
  // It was asked for as history, and is no more.
  if (age.early !== null) candidate.early = 'before_start';
  const hashes = new Set(loaded.hashes);
  const strangers = [...matchedKeys(candidate)].filter((key) => hashes.has(keyedHashHex(hold.hashKey, key)));
  candidate.row = { ...candidate.row!, strangers: new Set(strangers) };
}

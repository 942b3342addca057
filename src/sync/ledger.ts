import { sql } from 'kysely';
import { isUnsteady, manyRenumberings } from '../connections/unsteady.ts';
import type { Trx } from '../db/open.ts';
import { strangerRules } from '../log/rules.ts';
import type { SenderVerdict } from '../mail/verdict.ts';
import type { Place } from '../providers/provider.ts';
import type { Candidate } from './candidate.ts';
import type { Decision, KnownMessage } from './decide.ts';
import type { Hold } from './hold.ts';
import { pauseAfter } from './quarantine.ts';
import type { Strangers } from './strangers.ts';

/** A decided sighting; `messageId` is where its message is stored. */
export interface Entry {
  candidate: Candidate;
  decision: Decision;
  messageId: string | null;
  /** Of what is logged: about its sender. */
  verdict: SenderVerdict | null;
  /** Of what isn't: who takes part. */
  strangers: Strangers | null;
}

/** What the ledger has at these places already: the row's id, by placeKey. */
export interface KnownRow {
  id: string;
  identity: string | null;
  state: 'logged' | 'skipped' | 'quarantined';
  rule: string;
  due: boolean;
  void: boolean;
}

export const placeKey = (folderId: string, place: Pick<Place, 'epoch' | 'ref'>) =>
  `${folderId} ${place.epoch} ${place.ref}`;

export async function findRows(
  trx: Trx,
  accountId: string,
  candidates: readonly Candidate[],
): Promise<Map<string, KnownRow>> {
  const { rows } = await sql<KnownRow & { folderId: string; epoch: string; ref: string }>`
    select s.id, encode(s.identity, 'hex') as identity, s.state, s.rule, s.due_at is not null as due,
      s.vanished_at is not null or s.superseded_at is not null as void, s.folder_id as "folderId", s.epoch, s.ref
    from unnest(${candidates.map((one) => one.folderId)}::uuid[], ${candidates.map((one) => one.place.epoch)}::text[],
      ${candidates.map((one) => one.place.ref)}::text[]) as place (folder_id, epoch, ref)
    join sighting s on s.folder_id = place.folder_id and s.epoch = place.epoch and s.ref = place.ref
    where s.account_id = ${accountId}`.execute(trx);
  return new Map(rows.map((row) => [placeKey(row.folderId, row), row]));
}

/** Of the rows that are being decided anew those that a person dismissed meanwhile. */
export async function findDismissed(
  trx: Trx,
  accountId: string,
  candidates: readonly Candidate[],
): Promise<ReadonlySet<string>> {
  if (candidates.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    select id from sighting where account_id = ${accountId} and rule = 'dismissed'
      and id = any(${candidates.map(({ row }) => row!.id)}::bigint[])`.execute(trx);
  return new Set(rows.map(({ id }) => id));
}

/** As PostgreSQL writes it. */
const bytea = (hex: string) => `\\x${hex}`;

/** What is known of these identities (hex); without an entry: nothing. */
export async function findKnown(
  trx: Trx | Hold['db'],
  { accountId, connectionId }: Hold,
  identities: readonly string[],
): Promise<Map<string, KnownMessage>> {
  if (identities.length === 0) return new Map();
  const { rows } = await sql<KnownMessage & { identity: string }>`
    select encode(i.identity, 'hex') as identity, m.id as "messageId", m.kind, ${isForged} as forged,
      exists (select from sighting s where s.account_id = m.account_id and s.message_id = m.id and s.verdict = 'pass') as confirmed,
      (select li.class from log_item li where li.account_id = ${accountId} and li.message_id = m.id order by li.created_at, li.id limit 1),
      exists (select from sighting s where s.account_id = ${accountId} and s.identity = i.identity
        and (s.class = 'late_contact' or s.state = 'skipped' and s.rule = any(${strangerRules}::text[]))) as late,
      case when exists (select from exclusion e where e.account_id = ${accountId}) then (
        select json_object_agg(key, here) from (
          select a.address_key as key, bool_or(e.user_id is null or e.user_id = (
            select c.user_id from connection c where c.account_id = ${accountId} and c.id = ${connectionId})) as here
          from sighting s
          join sighting_exclusion x on x.account_id = s.account_id and x.sighting_id = s.id
          join exclusion e on e.account_id = x.account_id and e.id = x.exclusion_id
          join contact_address a on a.account_id = x.account_id and a.hash = x.hash
          where s.account_id = ${accountId} and s.identity = i.identity group by a.address_key) before) end as excluded
    from (select distinct unnest(${identities.map(bytea)}::bytea[]) as identity) i
    left join message m on m.account_id = ${accountId} and m.identity = i.identity`.execute(trx);
  return new Map(rows.map(({ identity, ...known }) => [identity, known]));
}

/** Of `message m`: copies of it failed their server's check, and none passed. Whoever knew a Message-ID may have been faster than its sender. */
const isForged = sql<boolean>`coalesce((select bool_or(s.verdict = 'fail') and not bool_or(s.verdict is not distinct from 'pass') from sighting s
  where s.account_id = m.account_id and s.message_id = m.id), false)`;

/** Which of these identities (hex) the account has a message of, and whether that may be a forgery. */
export async function findStored(
  db: Trx | Hold['db'],
  accountId: string,
  identities: readonly string[],
): Promise<Map<string, { forged: boolean }>> {
  if (identities.length === 0) return new Map();
  const { rows } = await sql<{ identity: string; forged: boolean }>`
    select encode(m.identity, 'hex') as identity, ${isForged} as forged from message m
    where m.account_id = ${accountId} and m.identity = any(${identities.map(bytea)}::bytea[])`.execute(db);
  return new Map(rows.map(({ identity, forged }) => [identity, { forged }]));
}

/** Inserts new rows. Answers, by placeKey, the ids of those that more is told about: what is logged or excluded. */
export async function insertSightings(trx: Trx, hold: Hold, entries: readonly Entry[]): Promise<Map<string, string>> {
  if (entries.length === 0) return new Map();
  const listed = entries.map(sightingRow);
  // A column in which nobody has anything needn't be written out: unnest() fills it up.
  const each = <K extends keyof SightingRow>(key: K) =>
    listed.some((row) => row[key] !== null) ? listed.map((row) => row[key] ?? null) : [];
  // Arrays: PostgreSQL reads them several times as fast as JSON, and an import has many rows. Quoting each element takes longest: what needs no quotes is written out here.
  const plain = (key: Exclude<keyof SightingRow, Quoted>) =>
    `{${each(key)
      .map((value) => value ?? 'NULL')
      .join(',')}}`;
  const { rows } = await sql<{ id: string; folderId: string; epoch: string; ref: string }>`
    with listed as (
      insert into sighting (account_id, connection_id, folder_id, epoch, ref, received_at, size, state, rule, class, kind, identity,
        internet_message_id_hash, message_id, due_at, tries, error, verdict, verdict_by, verdict_results, strangers, blind_strangers)
      select ${hold.accountId}, ${hold.connectionId}, folder_id, epoch, ref, received_at, size, state, rule, class, kind, decode(identity, 'hex'),
        decode(message_id_hash, 'hex'), message_id, now() + make_interval(secs => due_in), tries, error, verdict, verdict_by, verdict_results,
        strangers::bytea[], blind_strangers::bytea[]
      from unnest(
        ${plain('folderId')}::uuid[], ${each('epoch')}::text[], ${each('ref')}::text[], ${plain('receivedAt')}::timestamptz[], ${plain('size')}::bigint[],
        ${plain('state')}::text[], ${plain('rule')}::text[], ${plain('class')}::text[], ${plain('kind')}::text[], ${plain('identity')}::text[],
        ${plain('messageIdHash')}::text[], ${plain('messageId')}::uuid[], ${plain('dueIn')}::float8[], ${plain('tries')}::int[], ${each('error')}::text[],
        ${plain('verdict')}::text[], ${each('verdictBy')}::text[], ${each('verdictResults')}::text[], ${each('strangers')}::text[],
        ${each('blindStrangers')}::text[])
        as r (folder_id, epoch, ref, received_at, size, state, rule, class, kind, identity, message_id_hash, message_id, due_in, tries, error,
          verdict, verdict_by, verdict_results, strangers, blind_strangers)
      returning id, folder_id, epoch, ref, state, rule
    )
    select id, folder_id as "folderId", epoch, ref from listed where state = 'logged' or rule = 'excluded'`.execute(
    trx,
  );
  return new Map(rows.map((row) => [placeKey(row.folderId, row), row.id]));
}

/** Writes new decisions on rows that are there; one that says the same as before only moves the next try. Strangers are added to those of before; those of what is logged go. */
export async function updateSightings(trx: Trx, hold: Hold, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map((entry) => ({ id: entry.candidate.row!.id, ...sightingRow(entry) }));
  await sql`
    with anew as (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as r(
        id bigint, state text, rule text, class text, kind text, identity text, "messageIdHash" text, "messageId" uuid, "dueIn" float8, tries int,
        error text, verdict text, "verdictBy" text, "verdictResults" text, silent boolean, gone boolean,
        strangers text, "blindStrangers" text)
    ), locked as (
      select s.id from sighting s join anew on s.account_id = ${hold.accountId} and s.id = anew.id order by s.id for no key update of s
    )
    update sighting s set state = r.state, rule = r.rule, class = r.class, kind = r.kind, identity = coalesce(decode(r.identity, 'hex'), s.identity),
      internet_message_id_hash = coalesce(decode(r."messageIdHash", 'hex'), s.internet_message_id_hash), message_id = r."messageId",
      due_at = now() + make_interval(secs => r."dueIn"), tries = r.tries, error = r.error,
      verdict = case when r.silent then coalesce(s.verdict, r.verdict) else r.verdict end,
      verdict_by = case when r.silent and s.verdict is not null then s.verdict_by else r."verdictBy" end,
      verdict_results = case when r.silent and s.verdict is not null then s.verdict_results else r."verdictResults" end,
      strangers = case when r.state <> 'logged' then (select array_agg(distinct hash) from unnest(s.strangers || r.strangers::bytea[]) hash) end,
      blind_strangers = case when r.state <> 'logged' then (
        select array_agg(hash) from (
          select unnest(s.blind_strangers) as hash
          union select hash from unnest(r."blindStrangers"::bytea[]) hash where hash <> all(coalesce(s.strangers, '{}'))) blind) end,
      vanished_at = case when r.gone then coalesce(s.vanished_at, now()) else s.vanished_at end,
      decided_at = case when s.state = r.state and s.rule = r.rule then s.decided_at else now() end
    from anew r join locked using (id) where s.account_id = ${hold.accountId} and s.id = r.id`.execute(trx);
}

type SightingRow = ReturnType<typeof sightingRow>;
/** What a server or a sender wrote, and arrays: may hold commas, braces or quotes. */
type Quoted = 'epoch' | 'ref' | 'error' | 'verdictBy' | 'verdictResults' | 'strangers' | 'blindStrangers';

function sightingRow({ candidate, decision, messageId, verdict, strangers }: Entry) {
  const { folderId, place, receivedAt, size, identity, messageIdHash, failure } = candidate;
  const { state, rule, dueNow } = decision;
  const tries = state === 'quarantined' ? (candidate.row?.tries ?? 0) + 1 : 0;
  return {
    folderId,
    epoch: place.epoch,
    ref: place.ref,
    receivedAt: receivedAt !== null && isStorable(receivedAt) ? receivedAt.toISOString() : null,
    size: Number.isSafeInteger(size) ? size : null,
    state,
    rule,
    class: decision.class,
    kind: decision.kind,
    identity,
    messageIdHash,
    messageId,
    dueIn: dueNow ? 0 : state === 'quarantined' ? pauseAfter(tries) : null,
    tries,
    error: state === 'quarantined' ? (failure?.error ?? null) : null,
    verdict: verdict?.verdict ?? null,
    verdictBy: verdict?.by ?? null,
    verdictResults: verdict?.results ?? null,
    strangers: strangers?.all ?? null,
    blindStrangers: strangers?.blind ?? null,
    // Nobody looked this time: what was found at first stays.
    silent: verdict?.verdict === 'none' && verdict.results === null,
    gone: rule === 'vanished',
  };
}

/** In four digits: what PostgreSQL refuses would keep the whole page, however often it is tried. Invalid dates aren't either. */
const isStorable = (date: Date) => date.getUTCFullYear() >= 1000 && date.getUTCFullYear() <= 9999;

/**
 * What was listed again at a place that has a row. `revived`: it had vanished or was superseded. `due`: it matches a contact by now. `replaced`: the server has
 * given the number to another message; the old row makes room under an epoch of its own.
 */
export async function touchRows(
  trx: Trx,
  accountId: string,
  ids: { revived: string[]; due: string[]; replaced: string[] },
): Promise<void> {
  if (ids.revived.length > 0) {
    await sql`
      update sighting set vanished_at = null, superseded_at = null,
        due_at = case when state = 'quarantined' or rule = 'vanished' then now() else due_at end
      where account_id = ${accountId} and id = any(${ids.revived}::bigint[])`.execute(trx);
  }
  if (ids.due.length > 0) {
    await sql`update sighting set due_at = now() where account_id = ${accountId} and id = any(${ids.due}::bigint[])`.execute(
      trx,
    );
  }
  if (ids.replaced.length > 0) {
    await sql`
      update sighting set epoch = epoch || '~' || id, superseded_at = coalesce(superseded_at, now()), due_at = null
      where account_id = ${accountId} and id = any(${ids.replaced}::bigint[])`.execute(trx);
  }
}

/** The folder has a new epoch: what older ones listed is superseded, not deleted. Answers whether it is unsteady (connections/unsteady.ts). */
export async function beginEpoch(
  trx: Trx,
  accountId: string,
  folderId: string,
  { epoch, backwards = false }: { epoch: string; backwards?: boolean },
): Promise<boolean> {
  const { rows } = await sql<{ unsteady: boolean }>`
    with void as (
      update sighting set superseded_at = now(), due_at = null
      where account_id = ${accountId} and folder_id = ${folderId} and epoch <> ${epoch} and superseded_at is null
      returning vanished_at
    ), counted as (
      -- Of an empty folder nothing was numbered.
      select case when exists (select from void where vanished_at is null) then case when ${backwards} then ${manyRenumberings} else 1 end else 0 end as more
    ), renumbered as (
      update folder f set epoch = ${epoch}, renumbered_at = case when more > 0 then now() else renumbered_at end,
        renumberings = more + case when renumbered_at > now() - interval '7 days' or more = 0 then renumberings else 0 end
      from counted where f.account_id = ${accountId} and f.id = ${folderId} returning f.*
    )
    select ${isUnsteady} as unsteady from renumbered f`.execute(trx);
  return rows[0]?.unsteady ?? false;
}

/**
 * Gives the folder's superseded rows of the same messages their numbers of now, copy for copy: where a server renumbers all the time, the ledger would grow
 * without end. Whatever was decided stays.
 */
export async function carryOver(trx: Trx, accountId: string, candidates: readonly Candidate[]): Promise<void> {
  const known = candidates.filter(({ identity, row }) => identity !== null && row === null);
  if (known.length === 0) return;
  await sql`
    with listed as (
      select *, row_number() over (partition by folder_id, identity order by nth) as copy
      from unnest(${known.map((one) => one.folderId)}::uuid[], ${known.map((one) => one.place.epoch)}::text[], ${known.map((one) => one.place.ref)}::text[],
        ${known.map((one) => bytea(one.identity!))}::bytea[]) with ordinality as l (folder_id, epoch, ref, identity, nth)
      where not exists (select from sighting s where s.account_id = ${accountId} and s.folder_id = l.folder_id and s.epoch = l.epoch and s.ref = l.ref)
    ), former as (
      select s.id, s.folder_id, s.identity, row_number() over (partition by s.folder_id, s.identity order by s.superseded_at desc, s.id) as copy
      from sighting s where s.account_id = ${accountId} and s.superseded_at is not null and (s.folder_id, s.identity) in (select folder_id, identity from listed)
    )
    update sighting s set epoch = l.epoch, ref = l.ref, superseded_at = null, vanished_at = null,
      due_at = case when s.state = 'quarantined' or s.rule = 'vanished' then now() end
    from listed l join former using (folder_id, identity, copy)
    where s.account_id = ${accountId} and s.id = former.id`.execute(trx);
}

export async function markVanished(
  trx: Trx,
  accountId: string,
  places: readonly { folderId: string; place: Place }[],
): Promise<void> {
  if (places.length === 0) return;
  await sql`
    update sighting s set vanished_at = now(), due_at = case when s.state = 'quarantined' then now() end
    from unnest(${places.map((one) => one.folderId)}::uuid[], ${places.map((one) => one.place.epoch)}::text[],
      ${places.map((one) => one.place.ref)}::text[]) as gone (folder_id, epoch, ref)
    where s.account_id = ${accountId} and s.folder_id = gone.folder_id and s.epoch = gone.epoch and s.ref = gone.ref
      and s.vanished_at is null`.execute(trx);
}

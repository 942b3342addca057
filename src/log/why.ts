import { sql } from 'kysely';
import { hasRole } from '../accounts/require-role.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { keyedHash } from '../mail/hash.ts';
import type { MailKind } from '../mail/kinds.ts';
import type { SenderVerdict } from '../mail/verdict.ts';
import { loadLogItems } from './items.ts';
import { visibleLogItemIds } from './query.ts';
import { explain } from './rules.ts';
import { explainExcluded, loadExcluded } from './why-excluded.ts';
import type { WhyExcluded } from './why-excluded.ts';

export interface WhySighting {
  id: string;
  /** Null for a private mailbox of somebody else: it is never named. */
  mailbox: { connectionId: string; address: string } | null;
  folder: string;
  state: 'logged' | 'skipped' | 'quarantined';
  rule: string;
  /** The rule as sentences for people, with who was excluded. */
  explanation: string;
  class: 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated' | null;
  /** What this copy is; null when it isn't logged. */
  kind: MailKind | null;
  /** Of what is logged: about its sender. */
  sender: SenderVerdict | null;
  receivedAt: Date | null;
  listedAt: Date;
  decidedAt: Date;
  dueAt: Date | null;
  /** Of own mailboxes only. */
  error: string | null;
  /** The latest one last. */
  decisions: { state: string; rule: string; at: Date }[];
  /** Contacts who took part, but whom an exclusion kept out. */
  excluded: WhyExcluded[];
  /** Those that the viewer may see. */
  logItemIds: string[];
}

export interface Why {
  messageId: string | null;
  sightings: WhySighting[];
  /** The answer in a sentence or two. */
  explanation: string;
}

/** As many sightings as one answer names; a message rarely lies in ten folders. */
const mostSightings = 200;

type Asker = Pick<Viewer, 'accountId' | 'userId' | 'role' | 'zone'>;

/**
 * Why a log item is there: where its message was seen, what was decided, by which rule, when. Members are told about their own connections; admins also
 * folder, time, rule and decision of others' (spec, section 5, Why). Throws AppError 'not_found' for an item that isn't there or is hidden.
 */
export async function whyLogItem(db: Db | Trx, viewer: Asker, itemId: string): Promise<Why> {
  const [item] = await loadLogItems(db, viewer, [itemId]);
  if (!item) throw new AppError('not_found', 'There is no such log item, or it is not shared with you.');
  if (!item.message) {
    return {
      messageId: null,
      sightings: [],
      explanation: 'This line of the log is no email: it comes from no mailbox.',
    };
  }
  const message = await db
    .selectFrom('message')
    .select(['identity', 'internet_message_id'])
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', item.message.id)
    .executeTakeFirstOrThrow();
  const sightings = await loadSightings(
    db,
    viewer,
    sql<boolean>`(s.message_id = ${item.message.id} or s.identity = ${message.identity})`,
  );
  const through = item.mailboxes.map((mailbox) => mailbox.address).join(', ');
  return {
    messageId: message.internet_message_id,
    sightings,
    explanation:
      sightings.length > 0
        ? sumUp(sightings)
        : `It is here through ${through}, which isn't yours. Ask its owner or an administrator for the details.`,
  };
}

/**
 * Why a message is in the log, or isn't, by its Message-ID (with or without angle brackets). `hashKey` is the account's. A message that nobody listed is an
 * answer too.
 */
export async function whyMessage(db: Db | Trx, hashKey: Buffer, viewer: Asker, messageId: string): Promise<Why> {
  const id = messageId.trim().replace(/^<|>$/g, '').trim();
  const sightings = await loadSightings(
    db,
    viewer,
    sql<boolean>`s.internet_message_id_hash = ${keyedHash(hashKey, id)}`,
  );
  return {
    messageId: id,
    sightings,
    explanation: sightings.length > 0 ? sumUp(sightings) : await unseen(db, viewer),
  };
}

async function loadSightings(
  db: Db | Trx,
  viewer: Asker,
  which: ReturnType<typeof sql<boolean>>,
): Promise<WhySighting[]> {
  const admin = hasRole(viewer.role, 'admin');
  let query = db
    .selectFrom('sighting as s')
    .innerJoin('connection as c', (join) =>
      join.onRef('c.account_id', '=', 's.account_id').onRef('c.id', '=', 's.connection_id'),
    )
    .innerJoin('folder as f', (join) =>
      join.onRef('f.account_id', '=', 's.account_id').onRef('f.id', '=', 's.folder_id'),
    )
    .leftJoin('message as m', (join) =>
      join.onRef('m.account_id', '=', 's.account_id').onRef('m.id', '=', 's.message_id'),
    )
    .where('s.account_id', '=', viewer.accountId)
    .where(which)
    .select([
      's.id',
      's.state',
      's.rule',
      's.class',
      's.verdict',
      's.verdict_by',
      's.verdict_results',
      's.received_at',
      's.listed_at',
      's.decided_at',
      's.due_at',
      's.error',
      's.message_id',
      'c.id as connectionId',
      'c.address',
      'c.user_id',
      'c.sharing',
      'f.name as folder',
    ])
    // Before each copy had its kind there was that of the message.
    .select((eb) => eb.fn.coalesce('s.kind', 'm.kind').as('kind'))
    .orderBy('s.id')
    .limit(mostSightings);
  if (!admin) query = query.where('c.user_id', '=', viewer.userId);
  const rows = await query.execute();
  const former = await loadFormerDecisions(
    db,
    viewer.accountId,
    rows.map((row) => row.id),
  );
  const excluded = await loadExcluded(
    db,
    viewer,
    rows.map((row) => ({ id: row.id, own: row.user_id === viewer.userId })),
  );
  const items = await loadItemIds(
    db,
    viewer,
    rows.flatMap((row) => row.message_id ?? []),
  );
  return rows.map((row) => {
    const own = row.user_id === viewer.userId;
    return {
      id: row.id,
      mailbox: own || row.sharing === 'everything' ? { connectionId: row.connectionId, address: row.address } : null,
      folder: row.folder,
      state: row.state,
      rule: row.rule,
      explanation: [explain(row), explainExcluded(excluded.get(row.id) ?? [])].filter(Boolean).join(' '),
      class: row.class,
      kind: row.kind,
      sender: row.verdict && { verdict: row.verdict, by: row.verdict_by, results: row.verdict_results },
      receivedAt: row.received_at,
      listedAt: row.listed_at,
      decidedAt: row.decided_at,
      dueAt: row.due_at,
      error: own ? row.error : null,
      decisions: [...(former.get(row.id) ?? []), { state: row.state, rule: row.rule, at: row.decided_at }],
      excluded: excluded.get(row.id) ?? [],
      logItemIds: (row.message_id && items.get(row.message_id)) || [],
    };
  });
}

/** The former ones, by sighting. */
async function loadFormerDecisions(db: Db | Trx, accountId: string, sightingIds: readonly string[]) {
  const bySighting = new Map<string, { state: string; rule: string; at: Date }[]>();
  if (sightingIds.length === 0) return bySighting;
  const former = await db
    .selectFrom('decision')
    .select(['sighting_id', 'state', 'rule', 'at'])
    .where('account_id', '=', accountId)
    .where('sighting_id', 'in', sightingIds)
    .orderBy('at')
    .execute();
  for (const { sighting_id: id, ...decision } of former) bySighting.set(id, [...(bySighting.get(id) ?? []), decision]);
  return bySighting;
}

async function loadItemIds(db: Db | Trx, viewer: Asker, messageIds: readonly string[]) {
  const byMessage = new Map<string, string[]>();
  if (messageIds.length === 0) return byMessage;
  const rows = await db
    .selectFrom('log_item')
    .select(['id', 'message_id'])
    .where('account_id', '=', viewer.accountId)
    .where('message_id', 'in', messageIds)
    .orderBy('id')
    .limit(mostSightings)
    .execute();
  const visible = await visibleLogItemIds(
    db,
    viewer,
    rows.map((row) => row.id),
  );
  for (const { id, message_id: messageId } of rows) {
    if (visible.has(id)) byMessage.set(messageId!, [...(byMessage.get(messageId!) ?? []), id]);
  }
  return byMessage;
}

function sumUp(sightings: readonly WhySighting[]): string {
  const logged = sightings.find((sighting) => sighting.state === 'logged');
  const folders = new Set(sightings.map((sighting) => `${sighting.mailbox?.connectionId} ${sighting.folder}`)).size;
  const where = folders === 1 ? 'one folder' : `${folders} folders`;
  if (logged) return `It was seen in ${where} and is in the log. ${logged.explanation}`;
  const held = sightings.find((sighting) => sighting.state === 'quarantined');
  if (held) return `It was seen in ${where}, but isn't in the log yet. ${held.explanation}`;
  return `It was seen in ${where}, but isn't in the log. ${sightings[0]!.explanation}`;
}

async function unseen(db: Db | Trx, viewer: Asker): Promise<string> {
  const admin = hasRole(viewer.role, 'admin');
  let query = db
    .selectFrom('connection')
    .where('account_id', '=', viewer.accountId)
    .where('deleted_at', 'is', null)
    .select((eb) => eb.fn.min('started_at').as('since'));
  if (!admin) query = query.where('user_id', '=', viewer.userId);
  const { since } = await query.executeTakeFirstOrThrow();
  const whose = admin ? 'connected here' : 'that you connected';
  if (since === null) return `There is no mailbox ${whose} yet, so no mail has been looked at. Connect one first.`;
  // As the app writes its dates (web/time.ts).
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: viewer.zone }).format(since);
  return (
    `No mailbox ${whose} has listed a message with this Message-ID since ${day}. ` +
    "Older mail and folders that aren't chosen are not looked at; check the Message-ID in the mail program's “show source”."
  );
}

import { sql } from 'kysely';
import { jsonObjectFrom } from 'kysely/helpers/postgres';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import type { Address } from '../mail/address.ts';
import type { Delivery } from '../mail/delivery-report.ts';
import type { MailKind } from '../mail/kinds.ts';
import type { SenderVerdict, Verdict } from '../mail/verdict.ts';
import { loadCopies } from './copies.ts';
import { loadEmailsOfTasks } from './emails-of-tasks.ts';
import type { TaskEmail } from './emails-of-tasks.ts';
import { visibility } from './visibility.ts';

interface Named {
  id: string;
  name: string;
}

export interface LogItem {
  id: string;
  contactId: string;
  kind: 'email_sync' | 'task' | 'note' | 'stage_change';
  at: Date;
  direction: 'sent' | 'received' | 'copied' | null;
  class: 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated' | null;
  matchedAddress: string | null;
  /** The conversation that its message belongs to; the same one in all contacts' logs. */
  threadId: string | null;
  message: MessageSummary | null;
  /** The mailboxes that hold it and that the viewer may see named. */
  mailboxes: { connectionId: string; address: string; owner: Named | null; sender: SenderVerdict | null }[];
  /** Whether the sender of its email is who From says: the worst that one of these mailboxes says of it. */
  sender: Verdict;
  task: {
    id: string;
    subject: string;
    state: 'pending' | 'complete' | 'cancelled';
    dueAt: Date | null;
    /** The email that it was made for, if the viewer may see it. */
    email: TaskEmail | null;
  } | null;
  stageChange: { from: string | null; to: string | null } | null;
  actor: Named | null;
}

export interface MessageSummary {
  id: string;
  subject: string;
  snippet: string;
  kind: MailKind;
  /** Of a bounce, as far as it says. */
  delivery: Delivery | null;
  from: Address | null;
  /** The first ones; the whole message has them all. */
  to: Address[];
  hasAttachments: boolean;
  /** Inline images don't count. */
  attachmentCount: number;
  sentAt: Date | null;
}

/** How many recipients a line of the log shows. */
const shownRecipients = 20;

/**
 * These log items in the order of the ids, as the viewer may see them: one that is hidden or isn't there is left out. Four queries, however many. `at` is the
 * item's time as PostgreSQL prints it, for cursors.
 */
export async function loadLogItems(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemIds: readonly string[],
): Promise<LogItem[]> {
  if (itemIds.length === 0) return [];
  const rows = await selectItems(db, viewer.accountId, itemIds);
  const copies = await loadCopies(db, viewer.accountId, itemIds);
  const people = await loadPeople(
    db,
    viewer.accountId,
    rows.flatMap((row) => row.message_id ?? []),
  );
  const emails = await loadEmailsOfTasks(
    db,
    viewer,
    rows.flatMap((row) => row.taskId ?? []),
  );
  const items = new Map<string, LogItem>();
  for (const row of rows) {
    const held = copies.get(row.id);
    const seen = row.message_id === null ? null : visibility(viewer, held ?? { viaBccOnly: false, copies: [] });
    if (seen?.level === 'none') continue;
    const named = new Set(seen?.namedConnections);
    const mailboxes = (held?.copies ?? []).filter((copy) => named.has(copy.connectionId));
    items.set(row.id, {
      id: row.id,
      contactId: row.contact_id,
      kind: row.kind,
      at: row.at,
      direction: row.direction,
      class: row.class,
      matchedAddress: row.matched_address,
      threadId: row.threadId,
      message: row.message_id === null ? null : summary(row.message_id, row, people.get(row.message_id) ?? []),
      mailboxes: mailboxes.map(({ connectionId, address, owner, sender }) => ({
        connectionId,
        address,
        owner,
        sender,
      })),
      sender: worst(mailboxes.map((copy) => copy.sender?.verdict)),
      task:
        row.taskId === null
          ? null
          : {
              id: row.taskId,
              subject: row.taskSubject!,
              state: row.taskState!,
              dueAt: row.taskDueAt,
              email: emails.get(row.taskId) ?? null,
            },
      stageChange: row.kind === 'stage_change' ? stageChange(row.detail) : null,
      actor: row.actor,
    });
  }
  return itemIds.flatMap((id) => items.get(id) ?? []);
}

async function selectItems(db: Db | Trx, accountId: string, itemIds: readonly string[]) {
  return await db
    .selectFrom('log_item as li')
    // Of a contact that is being erased nobody reads any (docs/decisions/0027).
    .innerJoin('contact as c', (join) =>
      join
        .onRef('c.account_id', '=', 'li.account_id')
        .onRef('c.id', '=', 'li.contact_id')
        .on('c.deleted_at', 'is', null),
    )
    .leftJoin('message as m', (join) =>
      join.onRef('m.account_id', '=', 'li.account_id').onRef('m.id', '=', 'li.message_id'),
    )
    .leftJoin('thread', (join) =>
      join.onRef('thread.account_id', '=', 'm.account_id').onRef('thread.key', '=', 'm.thread_key'),
    )
    .leftJoin('task as t', (join) => join.onRef('t.account_id', '=', 'li.account_id').onRef('t.id', '=', 'li.task_id'))
    .where('li.account_id', '=', accountId)
    .where('li.id', 'in', itemIds)
    .select([
      'li.id',
      'li.contact_id',
      'li.kind',
      'li.at',
      'li.direction',
      'li.class',
      'li.matched_address',
      'li.message_id',
      'li.detail',
      'thread.id as threadId',
      'm.subject',
      'm.snippet',
      'm.kind as mailKind',
      'm.delivery',
      'm.sent_at',
      't.id as taskId',
      't.subject as taskSubject',
      't.state as taskState',
      't.due_at as taskDueAt',
      sql<number>`(select count(*)::int from attachment a where a.account_id = li.account_id and a.message_id = li.message_id
        and not a.inline)`.as('attachments'),
    ])
    .select((eb) =>
      jsonObjectFrom(eb.selectFrom('user as u').whereRef('u.id', '=', 'li.actor_id').select(['u.id', 'u.name'])).as(
        'actor',
      ),
    )
    .execute();
}

async function loadPeople(db: Db | Trx, accountId: string, messageIds: readonly string[]) {
  const people = new Map<string, { role: string; name: string; address: string }[]>();
  if (messageIds.length === 0) return people;
  const rows = await db
    .selectFrom('message_participant')
    .where('account_id', '=', accountId)
    .where('message_id', 'in', messageIds)
    .where('role', 'in', ['from', 'to'])
    .where('position', '<', shownRecipients)
    .orderBy('position')
    .select(['message_id', 'role', 'name', 'address'])
    .execute();
  for (const row of rows) people.set(row.message_id, [...(people.get(row.message_id) ?? []), row]);
  return people;
}

function summary(
  id: string,
  row: {
    subject: string | null;
    snippet: string | null;
    mailKind: MailKind | null;
    delivery: unknown;
    sent_at: Date | null;
    attachments: number;
  },
  people: readonly { role: string; name: string; address: string }[],
): MessageSummary {
  const of = (role: string) =>
    people.filter((one) => one.role === role).map(({ name, address }) => ({ name, address }));
  return {
    id,
    subject: row.subject ?? '',
    snippet: row.snippet ?? '',
    kind: row.mailKind ?? 'personal',
    delivery: row.delivery as Delivery | null,
    from: of('from')[0] ?? null,
    to: of('to'),
    hasAttachments: row.attachments > 0,
    attachmentCount: row.attachments,
    sentAt: row.sent_at,
  };
}

/** A mailbox that says nothing doesn't outvote one that does. */
function worst(verdicts: readonly (Verdict | undefined)[]): Verdict {
  return (['fail', 'pass'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'none';
}

function stageChange(detail: unknown): LogItem['stageChange'] {
  const { from, to } = (detail ?? {}) as { from?: unknown; to?: unknown };
  const name = (value: unknown) => (typeof value === 'string' ? value : null);
  return { from: name(from), to: name(to) };
}

import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import type { Head } from '../mail/head.ts';
import type { MailKind } from '../mail/kinds.ts';
import type { ParsedMessage } from '../mail/parse-message.ts';
import { keepGenuineRecipients } from './genuine-recipients.ts';
import { joinThreads } from './join-threads.ts';
import { leaveThreads } from './leave-threads.ts';

type Class = 'live' | 'history' | 'late_contact' | 'late_folder' | 'migrated';

/** Somebody in the head of a message. `key` is the address as matching sees it; null when it is no address. */
export interface Participant {
  role: 'from' | 'to' | 'cc' | 'bcc' | 'reply-to';
  position: number;
  name: string;
  address: string;
  key: string | null;
}

export interface EmailContent {
  parsed: Omit<ParsedMessage, 'html'>;
  /** It is read from the raw message when somebody opens it (html-of.ts). */
  hasHtml: boolean;
  /** Key of the raw message in the blob store. */
  raw: string;
  /** Bytes. */
  size: number;
}

/** What one contact's log gets of a message. */
export interface NewItem {
  contactId: string;
  direction: 'sent' | 'received' | 'copied';
  role: 'from' | 'to' | 'cc' | 'bcc';
  address: string;
  class: Class;
}

/** One copy of a message, with at least one contact. */
export interface Email {
  /** Under the account's key, hex. */
  identity: string;
  /** The mailbox that holds this copy: its Bcc belongs to it. */
  connectionId: string;
  head: Head;
  /** Under the account's key: its Message-ID and those that it names, for its thread. */
  references: readonly Buffer[];
  people: readonly Participant[];
  receivedAt: Date;
  /** Where it stands in the log. */
  at: Date;
  /** Not null unless `messageId` is given. */
  content: EmailContent | null;
  messageId: string | null;
  /** Its sender could not be confirmed: another copy's content goes first. */
  failed: boolean;
  /** The stored message is of copies that failed; this one's content takes its place. */
  replaces: boolean;
  kind: MailKind;
  items: readonly NewItem[];
}

export interface Appended {
  /** The stored message of each email, in their order. */
  messageIds: string[];
  /** The contacts whose logs have a new item, or lost one that a forger had made. */
  contactIds: string[];
  /** Keys of blobs that were replaced, or not needed after all: remove those that nothing names after the commit. */
  unnamed: string[];
  /** The class of an item, be it new or older. */
  classOf(contactId: string, messageId: string): Class | undefined;
}

/**
 * Stores messages that aren't stored yet and appends their items to the contacts' logs: a constant number of statements, whatever the number of messages and
 * recipients. Another page that stores the same message is waited for, and its row is used. At most one item for each (contact, message); an
 * item that was there keeps its class. What a forger sent first gives way to the mail that it stood for. Call it under the account's shared address lock.
 */
export async function appendEmails(
  trx: Trx,
  account: { accountId: string; hashKey: Buffer },
  emails: readonly Email[],
): Promise<Appended> {
  const { accountId } = account;
  const { ids, inserted } = await storeMessages(trx, accountId, emails);
  const messageIds = emails.map((email) => ids.get(email.identity)!);
  const replaced = await replaceForged(trx, accountId, emails);
  const described = new Map([...inserted, ...replaced.by]);
  await insertParticipants(trx, accountId, emails, messageIds, described);
  await insertAttachments(trx, accountId, emails, messageIds, described);
  await noteDirect(trx, accountId, emails, messageIds, inserted);
  const changed = await keepGenuineRecipients(trx, accountId, replaced.by);
  const left = await leaveThreads(trx, account, replaced.renamed);
  await joinThreads(trx, accountId, [...[...inserted].map(([id, { references }]) => ({ id, references })), ...left]);
  const used = new Set([...described.values()].map(({ content }) => content!.raw));
  const unused = emails.flatMap(({ content }) => (content && !used.has(content.raw) ? [content.raw] : []));
  const { contactIds, classOf } = await insertItems(trx, accountId, emails, messageIds);
  return {
    messageIds,
    contactIds: [...contactIds, ...changed],
    unnamed: [...replaced.unnamed, ...unused],
    classOf,
  };
}

/** The messages' ids by identity (hex), and for each message that is new the email that it was made from. */
async function storeMessages(trx: Trx, accountId: string, emails: readonly Email[]) {
  const ids = new Map<string, string>();
  const fresh = new Map<string, Email>();
  const inserted = new Map<string, Email>();
  for (const email of emails) {
    const { identity } = email;
    if (email.messageId !== null) ids.set(identity, email.messageId);
    else if (email.content !== null && (fresh.get(identity)?.failed ?? true)) fresh.set(identity, email);
  }
  if (fresh.size === 0) return { ids, inserted };
  const rest = [...fresh].map(([identity, email]) => messageRow(identity, email));
  const texts = [...fresh.values()].map(({ content }) => content!.parsed.text);
  // The texts go beside the JSON: within it they take twice as long.
  const { rows } = await sql<{ id: string; identity: string }>`
    insert into message (account_id, identity, internet_message_id, in_reply_to, reference_ids, subject, snippet, sent_at, received_at, size,
      text, has_html, headers, raw, defects, kind, delivery)
    select ${accountId}, decode(m.identity, 'hex'), m."messageId", m."inReplyTo", m."references", m.subject, m.snippet, m."sentAt", m."receivedAt",
      m.size, body.text, m."hasHtml", m.headers, m.raw, m.defects, m.kind, m.delivery
    from json_to_recordset(${JSON.stringify(rest)}::json) as m(
      identity text, "messageId" text, "inReplyTo" text, "references" text[], subject text, snippet text, "sentAt" timestamptz,
      "receivedAt" timestamptz, size bigint, "hasHtml" boolean, headers jsonb, raw text, defects text[], kind text, delivery jsonb)
    join unnest(${[...fresh.keys()]}::text[], ${texts}::text[]) as body (identity, text) on body.identity = m.identity
    order by m.identity
    on conflict (account_id, identity) do nothing
    returning id, encode(identity, 'hex') as identity`.execute(trx);
  for (const { id, identity } of rows) {
    ids.set(identity, id);
    inserted.set(id, fresh.get(identity)!);
  }
  const others = [...fresh.keys()].filter((identity) => !ids.has(identity));
  if (others.length > 0) {
    const found = await sql<{ id: string; identity: string }>`
      select id, encode(identity, 'hex') as identity from message
      where account_id = ${accountId} and identity = any(${others.map((hex) => Buffer.from(hex, 'hex'))}::bytea[])`.execute(
      trx,
    );
    for (const { id, identity } of found.rows) ids.set(identity, id);
  }
  return { ids, inserted };
}

/** Whose contents were replaced, by message id with the copy that did; those of them that name other messages now; the keys of the former raw messages. */
async function replaceForged(trx: Trx, accountId: string, emails: readonly Email[]) {
  const by = new Map<string, Email>();
  for (const email of emails) if (email.replaces) by.set(email.messageId!, email);
  if (by.size === 0) return { by, renamed: [], unnamed: [] };
  const rows = [...by].map(([id, email]) => ({ id, text: email.content!.parsed.text, ...messageRow('', email) }));
  const heads = [...by].map(([id, { head }]) => ({ id, inReplyTo: head.inReplyTo, references: head.references }));
  const { rows: former } = await sql<{ id: string; raw: string | null; renamed: boolean }>`
    with former as (
      select id, raw, in_reply_to, reference_ids from message where account_id = ${accountId} and id = any(${[...by.keys()]}::uuid[]) order by id for update
    ), participants as (
      delete from message_participant p using former where p.account_id = ${accountId} and p.message_id = former.id
        -- A Bcc belongs to its mailbox's copies: it goes where they all failed.
        and (p.role <> 'bcc' or not exists (select from sighting s where s.account_id = p.account_id and s.message_id = p.message_id
          and s.connection_id = p.connection_id and s.verdict is distinct from 'fail'))
    ), attachments as (
      delete from attachment a using former where a.account_id = ${accountId} and a.message_id = former.id
    ), replaced as (
      update message m set in_reply_to = r."inReplyTo", reference_ids = r."references", subject = r.subject, snippet = r.snippet, size = r.size, text = r.text, has_html = r."hasHtml", headers = r.headers, raw = r.raw,
        defects = r.defects, kind = r.kind, delivery = r.delivery
      from json_to_recordset(${JSON.stringify(rows)}::json) as r(
        id uuid, "inReplyTo" text, "references" text[], subject text, snippet text, size bigint, text text, "hasHtml" boolean, headers jsonb, raw text, defects text[], kind text, delivery jsonb)
      where m.account_id = ${accountId} and m.id = r.id
    )
    select former.id, former.raw, (former.in_reply_to, former.reference_ids) is distinct from (r."inReplyTo", r."references") as renamed
    from former join json_to_recordset(${JSON.stringify(heads)}::json) as r(id uuid, "inReplyTo" text, "references" text[]) using (id)`.execute(
    trx,
  );
  return {
    by,
    renamed: former.filter(({ renamed }) => renamed).map(({ id }) => id),
    unnamed: former.flatMap(({ raw }) => raw ?? []),
  };
}

function messageRow(identity: string, { head, receivedAt, content, kind }: Email): object {
  const { parsed, hasHtml, raw, size } = content!;
  return {
    identity,
    messageId: head.messageId,
    inReplyTo: head.inReplyTo,
    references: head.references,
    subject: head.subject,
    snippet: parsed.snippet,
    sentAt: head.date,
    receivedAt,
    size,
    hasHtml,
    headers: parsed.headers.filter(([name]) => !/^(resent-)?bcc$/i.test(name)),
    raw,
    defects: parsed.defects,
    kind,
    delivery: parsed.delivery,
  };
}

/** Of a new message everybody; of any copy its Bcc, under the mailbox that carries it. */
async function insertParticipants(
  trx: Trx,
  accountId: string,
  emails: readonly Email[],
  messageIds: readonly string[],
  inserted: ReadonlyMap<string, Email>,
): Promise<void> {
  const rows = emails.flatMap((email, i) => {
    const fresh = inserted.get(messageIds[i]!) === email;
    return email.people
      .filter(({ role }) => fresh || role === 'bcc')
      .map((person) => ({
        ...person,
        messageId: messageIds[i]!,
        connectionId: person.role === 'bcc' ? email.connectionId : null,
      }));
  });
  if (rows.length === 0) return;
  await sql`
    insert into message_participant (account_id, message_id, role, position, name, address, address_key, connection_id)
    select ${accountId}, * from unnest(
      ${rows.map((row) => row.messageId)}::uuid[], ${rows.map((row) => row.role)}::text[], ${rows.map((row) => row.position)}::int[],
      ${rows.map((row) => row.name)}::text[], ${rows.map((row) => row.address)}::text[], ${rows.map((row) => row.key ?? '')}::text[],
      ${rows.map((row) => row.connectionId)}::uuid[])
    on conflict do nothing`.execute(trx);
}

async function insertAttachments(
  trx: Trx,
  accountId: string,
  emails: readonly Email[],
  messageIds: readonly string[],
  inserted: ReadonlyMap<string, Email>,
): Promise<void> {
  const rows = emails.flatMap((email, i) =>
    inserted.get(messageIds[i]!) === email
      ? email.content!.parsed.attachments.map((one) => ({ ...one, messageId: messageIds[i]! }))
      : [],
  );
  if (rows.length === 0) return;
  await sql`
    insert into attachment (account_id, message_id, part, filename, content_type, size, content_id, inline)
    select ${accountId}, a."messageId", a.part, a.filename, a."contentType", a.size, a."contentId", a.inline
    from json_to_recordset(${JSON.stringify(rows)}::json) as a(
      "messageId" uuid, part text, filename text, "contentType" text, size bigint, "contentId" text, inline boolean)
    on conflict do nothing`.execute(trx);
}

/** A message that a list sent is a person's once a copy came directly. */
async function noteDirect(
  trx: Trx,
  accountId: string,
  emails: readonly Email[],
  messageIds: readonly string[],
  inserted: ReadonlyMap<string, Email>,
): Promise<void> {
  const direct = emails.flatMap((email, i) =>
    email.kind === 'personal' && inserted.get(messageIds[i]!) !== email ? [messageIds[i]!] : [],
  );
  if (direct.length === 0) return;
  await sql`update message set kind = 'personal'
    where account_id = ${accountId} and id = any(${direct}::uuid[]) and kind = 'list'`.execute(trx);
}

async function insertItems(trx: Trx, accountId: string, emails: readonly Email[], messageIds: readonly string[]) {
  const wanted = new Map<string, NewItem & { messageId: string; at: Date; sentAt: Date | null }>();
  for (const [i, email] of emails.entries()) {
    for (const item of email.items) {
      const key = `${item.contactId} ${messageIds[i]}`;
      const known = wanted.get(key);
      if (known && (known.role !== 'bcc' || item.role === 'bcc')) continue;
      wanted.set(key, { ...item, messageId: messageIds[i]!, at: email.at, sentAt: email.head.date });
    }
  }
  const classes = new Map<string, Class>();
  const classOf = (contactId: string, messageId: string) => classes.get(`${contactId} ${messageId}`);
  if (wanted.size === 0) return { contactIds: [], classOf };
  // In one order everywhere, so that pages of the same messages wait for each other instead of deadlocking.
  const items = [...wanted.keys()].sort().map((key) => wanted.get(key)!);
  const { rows } = await sql<{ contactId: string; messageId: string; class: Class; fresh: boolean }>`
    insert into log_item as li (account_id, contact_id, kind, at, sent_at, message_id, direction, matched_address, matched_role, class)
    select ${accountId}, i.contact, 'email_sync', i.at, i.sent_at, i.message, i.direction, i.address, i.role, i.class from unnest(
      ${items.map((item) => item.contactId)}::uuid[], ${items.map((item) => item.messageId)}::uuid[],
      ${items.map((item) => item.at.toISOString())}::timestamptz[], ${items.map((item) => item.sentAt?.toISOString() ?? null)}::timestamptz[], ${items.map((item) => item.direction)}::text[],
      ${items.map((item) => item.address)}::text[], ${items.map((item) => item.role)}::text[], ${items.map((item) => item.class)}::text[])
      as i(contact, message, at, sent_at, direction, address, role, class)
    -- Who stood in Bcc only is in sight once a copy shows the address openly; the sender is one, though another mailbox excluded the sender's address.
    on conflict (account_id, contact_id, message_id) do update
      set matched_role = excluded.matched_role, matched_address = excluded.matched_address, direction = excluded.direction
      where li.matched_role = 'bcc' and excluded.matched_role <> 'bcc' or li.matched_role <> 'from' and excluded.matched_role = 'from'
    returning contact_id as "contactId", message_id as "messageId", class, xmax = 0 as fresh`.execute(trx);
  for (const row of rows) classes.set(`${row.contactId} ${row.messageId}`, row.class);
  const older = items.filter((item) => classOf(item.contactId, item.messageId) === undefined);
  if (older.length > 0) {
    const found = await sql<{ contactId: string; messageId: string; class: Class }>`
      select li.contact_id as "contactId", li.message_id as "messageId", li.class
      from unnest(${older.map((item) => item.contactId)}::uuid[], ${older.map((item) => item.messageId)}::uuid[]) as i(contact, message)
      join log_item li on li.account_id = ${accountId} and li.contact_id = i.contact and li.message_id = i.message`.execute(
      trx,
    );
    for (const row of found.rows) classes.set(`${row.contactId} ${row.messageId}`, row.class);
  }
  return { contactIds: rows.filter((row) => row.fresh).map((row) => row.contactId), classOf };
}

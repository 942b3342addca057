import type { Readable } from 'node:stream';
import type { Viewer } from '../accounts/viewer.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { Address } from '../mail/address.ts';
import { loadCopies } from './copies.ts';
import { htmlOf } from './html-of.ts';
import type { HtmlDeps } from './html-of.ts';
import { loadLogItems } from './items.ts';
import type { LogItem, MessageSummary } from './items.ts';
import { visibility } from './visibility.ts';

export interface Attachment {
  /** The part's place in the MIME tree, as IMAP numbers it. */
  part: string;
  filename: string;
  contentType: string;
  /** Bytes. */
  size: number;
  contentId: string | null;
  inline: boolean;
}

export interface WholeMessage extends MessageSummary {
  cc: Address[];
  /** Of the viewer's own copies only. */
  bcc: Address[];
  replyTo: Address[];
  text: string;
  /** As it came: sanitise and sandbox it before it is shown. */
  html: string | null;
  /** All of them only where every mailbox that holds the message may be named: they are of one copy, and say to whom that was delivered. */
  headers: [string, string][];
  attachments: Attachment[];
  /** What of the message could not be read, for people. */
  defects: string[];
  internetMessageId: string | null;
  receivedAt: Date;
  /** Bytes. */
  size: number;
}

export type WholeLogItem = Omit<LogItem, 'message'> & { message: WholeMessage | null };

/** A log item with its whole message. Throws AppError 'not_found' where there is none or the viewer may not see it. */
export async function readLogItem(
  db: Db | Trx,
  deps: HtmlDeps,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemId: string,
): Promise<WholeLogItem> {
  const item = await visibleItem(db, viewer, itemId);
  if (!item.message) return { ...item, message: null };
  const message = await wholeMessage(db, deps, viewer, item.message);
  if (await namesAllMailboxes(db, viewer, itemId)) return { ...item, message };
  return { ...item, message: { ...message, headers: message.headers.filter(([name]) => isSenders(name)) } };
}

async function namesAllMailboxes(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemId: string,
): Promise<boolean> {
  const held = (await loadCopies(db, viewer.accountId, [itemId])).get(itemId);
  return held !== undefined && visibility(viewer, held).namedConnections.length === held.copies.length;
}

/** Fields that the sender wrote, the same for every recipient. Those of delivery (Received, Delivered-To ...) name the mailbox. */
function isSenders(name: string): boolean {
  return /^(from|sender|reply-to|to|cc|subject|date|message-id|in-reply-to|references|mime-version|content-.*|organization|user-agent|x-mailer|importance|x-priority|auto-submitted|precedence)$/i.test(
    name,
  );
}

/**
 * One attachment of a visible log item, decoded, as a stream of its bytes. Throws AppError 'not_found'. `openPart` reads the part
 * out of the raw message (mail/part.ts).
 */
export async function openAttachment(
  db: Db | Trx,
  deps: { blobs: Pick<Blobs, 'open'>; openPart(raw: Readable, part: string): Promise<{ body: Readable }> },
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemId: string,
  part: string,
): Promise<{ attachment: Attachment; body: Readable }> {
  const item = await visibleItem(db, viewer, itemId);
  const all = item.message ? await loadAttachments(db, viewer.accountId, item.message.id) : [];
  const attachment = all.find((one) => one.part === part);
  if (!attachment) throw new AppError('not_found', 'This message has no such attachment.');
  const { raw } = await db
    .selectFrom('message')
    .select('raw')
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', item.message!.id)
    .executeTakeFirstOrThrow();
  if (raw === null)
    throw new AppError('not_found', 'This message was kept without its attachments. It is still in the mailbox.');
  const { body } = await deps.openPart(await deps.blobs.open(viewer.accountId, raw), part);
  return { attachment, body };
}

async function visibleItem(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemId: string,
): Promise<LogItem> {
  const [item] = await loadLogItems(db, viewer, [itemId]);
  if (!item) throw new AppError('not_found', 'There is no such log item, or it is not shared with you.');
  return item;
}

async function wholeMessage(
  db: Db | Trx,
  deps: HtmlDeps,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  summary: MessageSummary,
): Promise<WholeMessage> {
  const row = await db
    .selectFrom('message')
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', summary.id)
    .select(['text', 'has_html', 'raw', 'headers', 'defects', 'internet_message_id', 'received_at', 'size'])
    .executeTakeFirstOrThrow();
  const raw = row.has_html ? row.raw : null;
  const { html, defects } = await htmlOf(deps, { accountId: viewer.accountId, raw, owner: viewer.userId });
  const people = await db
    .selectFrom('message_participant as p')
    .leftJoin('connection as c', (join) =>
      join.onRef('c.account_id', '=', 'p.account_id').onRef('c.id', '=', 'p.connection_id'),
    )
    .where('p.account_id', '=', viewer.accountId)
    .where('p.message_id', '=', summary.id)
    .where((eb) => eb.or([eb('p.role', '<>', 'bcc'), eb('c.user_id', '=', viewer.userId)]))
    .orderBy('p.position')
    .select(['p.role', 'p.name', 'p.address', 'p.address_key'])
    .execute();
  const of = (role: string) => people.filter((one) => one.role === role);
  const addresses = (role: string) => of(role).map(({ name, address }) => ({ name, address }));
  return {
    ...summary,
    to: addresses('to'),
    cc: addresses('cc'),
    // Two own copies may carry the same Bcc.
    bcc: [...new Map(of('bcc').map(({ name, address, address_key }) => [address_key, { name, address }])).values()],
    replyTo: addresses('reply-to'),
    text: row.text,
    html,
    headers: row.headers as [string, string][],
    attachments: await loadAttachments(db, viewer.accountId, summary.id),
    defects: [...row.defects, ...defects],
    internetMessageId: row.internet_message_id,
    receivedAt: row.received_at,
    size: Number(row.size),
  };
}

async function loadAttachments(db: Db | Trx, accountId: string, messageId: string): Promise<Attachment[]> {
  const rows = await db
    .selectFrom('attachment')
    .where('account_id', '=', accountId)
    .where('message_id', '=', messageId)
    .select(['part', 'filename', 'content_type as contentType', 'size', 'content_id as contentId', 'inline'])
    .orderBy('part')
    .execute();
  return rows.map((row) => ({ ...row, size: Number(row.size) }));
}

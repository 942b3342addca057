import { z } from '@hono/zod-openapi';
import type { Conversation } from '../../log/conversations.ts';
import type { LogItem, MessageSummary } from '../../log/items.ts';
import { impersonalKinds } from '../../mail/kinds.ts';
import type { SenderVerdict } from '../../mail/verdict.ts';
import type { WholeLogItem, WholeMessage } from '../../log/read.ts';

const named = z.object({ id: z.string(), name: z.string() });
const person = z.object({ name: z.string(), address: z.string() });
/** What a mailbox says of a sender. */
export const senderSchema = z.object({
  verdict: z.enum(['pass', 'fail', 'none']),
  by: z.string().nullable().openapi({ description: 'The server that found so; null: Letterlog, or nobody' }),
  results: z.string().nullable().openapi({ description: 'What it was found from, e.g. "dmarc=fail, spf=softfail"' }),
});
const time = () => z.string().openapi({ format: 'date-time' });

const messageSchema = z.object({
  id: z.string(),
  subject: z.string(),
  snippet: z.string(),
  kind: z
    .enum(['personal', ...impersonalKinds])
    .openapi({ description: 'All but personal start an automation only where its trigger says so' }),
  delivery: z
    .object({ status: z.enum(['failed', 'delayed', 'delivered']), recipients: z.array(z.string()) })
    .nullable()
    .openapi({ description: 'What a bounce says, and of whom: the first 20' }),
  from: person.nullable(),
  to: z.array(person).openapi({ description: 'In lists: the first 20' }),
  hasAttachments: z.boolean(),
  attachmentCount: z.int(),
  sentAt: time().nullable(),
});

const wholeMessageSchema = messageSchema.extend({
  cc: z.array(person),
  bcc: z.array(person).openapi({ description: 'Of your own copies only' }),
  replyTo: z.array(person),
  text: z.string(),
  html: z.string().nullable().openapi({ description: 'As it came: sanitise and sandbox it before it is shown' }),
  headers: z.array(z.tuple([z.string(), z.string()])),
  attachments: z.array(
    z.object({
      part: z.string(),
      filename: z.string(),
      contentType: z.string(),
      size: z.int(),
      contentId: z.string().nullable(),
      inline: z.boolean(),
    }),
  ),
  defects: z.array(z.string()).openapi({ description: 'What could not be read of it' }),
  internetMessageId: z.string().nullable(),
  receivedAt: time(),
  size: z.int().openapi({ description: 'Bytes' }),
});

export const taskEmailSchema = z
  .object({ itemId: z.string().openapi({ description: 'Its line in the Contact Log' }), subject: z.string() })
  .nullable()
  .openapi({ description: 'The email that an automation made it for; null where you may not see that' });

const logItemSchema = z
  .object({
    id: z.string(),
    contactId: z.string(),
    kind: z.enum(['email_sync', 'task', 'note', 'stage_change']),
    at: time(),
    direction: z.enum(['sent', 'received', 'copied']).nullable(),
    class: z.enum(['live', 'history', 'late_contact', 'late_folder', 'migrated']).nullable(),
    matchedAddress: z.string().nullable(),
    threadId: z
      .string()
      .nullable()
      .openapi({ description: 'Of its conversation. When two join, they go by the id of the older' }),
    message: messageSchema.nullable(),
    mailboxes: z
      .array(
        z.object({
          connectionId: z.string(),
          address: z.string(),
          owner: named.nullable(),
          sender: senderSchema.nullable().openapi({ description: 'Null: from before senders were checked' }),
        }),
      )
      .openapi({ description: 'The mailboxes that hold it; private ones of others are never named' }),
    sender: z.enum(['pass', 'fail', 'none']).openapi({
      description:
        'Whether the sender is who From says (aligned, as DMARC wants it): the worst that one of these mailboxes says. On fail it starts an automation only where its trigger says so',
    }),
    task: z
      .object({
        id: z.string(),
        subject: z.string(),
        state: z.enum(['pending', 'complete', 'cancelled']),
        dueAt: time().nullable(),
        email: taskEmailSchema,
      })
      .nullable(),
    stageChange: z.object({ from: z.string().nullable(), to: z.string().nullable() }).nullable(),
    actor: named.nullable(),
  })
  .openapi('LogItem');

export const logLineSchema = logItemSchema
  .extend({
    conversation: z
      .object({
        count: z.int(),
        participants: z.array(person).openapi({ description: 'Who wrote, the latest first: the first 5' }),
        participantCount: z.int(),
      })
      .nullable()
      .openapi({ description: 'With view=conversations: what the newest of its emails stands for' }),
  })
  .openapi('LogLine');

export const wholeLogItemSchema = logItemSchema
  .extend({ message: wholeMessageSchema.nullable() })
  .openapi('WholeLogItem');

function presentLogItem(item: LogItem): z.infer<typeof logItemSchema> {
  return { ...presentLine(item), message: item.message && presentSummary(item.message) };
}

export function presentLogLine(item: LogItem & { conversation?: Conversation | null }): z.infer<typeof logLineSchema> {
  const { conversation } = item;
  return {
    ...presentLogItem(item),
    conversation: conversation
      ? {
          count: conversation.count,
          participants: conversation.participants,
          participantCount: conversation.participantCount,
        }
      : null,
  };
}

export function presentWholeLogItem(item: WholeLogItem): z.infer<typeof wholeLogItemSchema> {
  return { ...presentLine(item), message: item.message && presentWhole(item.message) };
}

function presentLine(item: Omit<LogItem, 'message'>) {
  return {
    id: item.id,
    contactId: item.contactId,
    kind: item.kind,
    at: item.at.toISOString(),
    direction: item.direction,
    class: item.class,
    matchedAddress: item.matchedAddress,
    threadId: item.threadId,
    mailboxes: item.mailboxes.map(({ connectionId, address, owner, sender }) => ({
      connectionId,
      address,
      owner,
      sender: presentSender(sender),
    })),
    sender: item.sender,
    task: item.task && {
      id: item.task.id,
      subject: item.task.subject,
      state: item.task.state,
      dueAt: item.task.dueAt?.toISOString() ?? null,
      email: item.task.email,
    },
    stageChange: item.stageChange && { from: item.stageChange.from, to: item.stageChange.to },
    actor: item.actor,
  };
}

export function presentSender(sender: SenderVerdict | null): z.infer<typeof senderSchema> | null {
  return sender && { verdict: sender.verdict, by: sender.by, results: sender.results };
}

function presentSummary(message: MessageSummary): z.infer<typeof messageSchema> {
  return {
    id: message.id,
    subject: message.subject,
    snippet: message.snippet,
    kind: message.kind,
    delivery: message.delivery,
    from: message.from,
    to: message.to,
    hasAttachments: message.hasAttachments,
    attachmentCount: message.attachmentCount,
    sentAt: message.sentAt?.toISOString() ?? null,
  };
}

function presentWhole(message: WholeMessage): z.infer<typeof wholeMessageSchema> {
  return {
    ...presentSummary(message),
    cc: message.cc,
    bcc: message.bcc,
    replyTo: message.replyTo,
    text: message.text,
    html: message.html,
    headers: message.headers,
    attachments: message.attachments.map(({ part, filename, contentType, size, contentId, inline }) => ({
      part,
      filename,
      contentType,
      size,
      contentId,
      inline,
    })),
    defects: message.defects,
    internetMessageId: message.internetMessageId,
    receivedAt: message.receivedAt.toISOString(),
    size: message.size,
  };
}

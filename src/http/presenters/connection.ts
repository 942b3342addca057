import { z } from '@hono/zod-openapi';
import type { Connection, Counts } from '../../connections/view.ts';

const time = () => z.string().openapi({ format: 'date-time' });
const countsSchema = z.object({ logged: z.int(), skipped: z.int(), quarantined: z.int() });

export const mailboxSettings = z.object({
  host: z.string(),
  port: z.int(),
  security: z.enum(['tls', 'starttls', 'plain']),
  user: z.string(),
});

export const connectionSchema = z
  .object({
    id: z.string(),
    provider: z.string(),
    address: z.string(),
    owner: z.object({ id: z.string(), name: z.string() }).nullable(),
    state: z.enum(['connecting', 'importing', 'active', 'catching_up', 'paused', 'needs_sign_in', 'failing']),
    stateCode: z.string().nullable().openapi({ description: 'Why it is in this state: a stable code' }),
    stateMessage: z.string().nullable().openapi({ description: 'The same as a sentence for people' }),
    stateSince: time(),
    nextTryAt: time().nullable(),
    sharing: z.enum(['everything', 'private']),
    senderCheck: z
      .object({
        by: z.enum(['learned', 'given', 'off']),
        authservId: z.string().nullable().openapi({ description: 'Null with learned: not found out yet' }),
      })
      .openapi({
        description:
          "Whose word counts about senders: the mailbox's own server, by the authserv-id (RFC 8601) that was found out or given; off: nobody's",
      }),
    startedAt: time().openapi({ description: 'Mail from before it is not looked at unless history is asked for' }),
    lastSyncedAt: time().nullable(),
    lastAuthenticatedAt: time().nullable(),
    settings: mailboxSettings,
    folders: z.array(
      z.object({
        id: z.string(),
        ref: z.string(),
        name: z.string(),
        role: z.enum(['inbox', 'sent', 'drafts', 'archive', 'all', 'junk', 'trash', 'flagged']).nullable(),
        selectable: z.boolean(),
        chosen: z.boolean(),
        proposed: z.boolean(),
        gone: z
          .boolean()
          .openapi({ description: 'It is no longer in the mailbox; a folder that comes back is synced again' }),
        unsteady: z.boolean().openapi({
          description:
            'The server renumbers it again and again, or backwards: its mail is recognised by what it is, and the last week is listed again each time',
        }),
        counts: countsSchema,
      }),
    ),
    counts: countsSchema.openapi({ description: 'Ledger rows of the current epochs, by their state' }),
    health: z
      .array(z.object({ code: z.enum(['drifted', 'unchecked', 'unsteady', 'silent']), message: z.string() }))
      .openapi({ description: 'What mail says against it, though no call failed' }),
  })
  .openapi('Connection');

export function presentConnection(connection: Connection): z.infer<typeof connectionSchema> {
  const settings = connection.settings as z.infer<typeof mailboxSettings>;
  return {
    id: connection.id,
    provider: connection.provider,
    address: connection.address,
    owner: connection.owner,
    state: connection.state,
    stateCode: connection.stateCode,
    stateMessage: connection.stateMessage,
    stateSince: connection.stateSince.toISOString(),
    nextTryAt: connection.nextTryAt?.toISOString() ?? null,
    sharing: connection.sharing,
    senderCheck: { by: connection.senderCheck.by, authservId: connection.senderCheck.authservId },
    startedAt: connection.startedAt.toISOString(),
    lastSyncedAt: connection.lastSyncedAt?.toISOString() ?? null,
    lastAuthenticatedAt: connection.lastAuthenticatedAt?.toISOString() ?? null,
    settings: { host: settings.host, port: settings.port, security: settings.security, user: settings.user },
    folders: connection.folders.map((folder) => ({
      id: folder.id,
      ref: folder.ref,
      name: folder.name,
      role: folder.role,
      selectable: folder.selectable,
      chosen: folder.chosen,
      proposed: folder.proposed,
      gone: folder.gone,
      unsteady: folder.unsteady,
      counts: presentCounts(folder.counts),
    })),
    counts: presentCounts(connection.counts),
    health: connection.health.map(({ code, message }) => ({ code, message })),
  };
}

function presentCounts({ logged, skipped, quarantined }: Counts): Counts {
  return { logged, skipped, quarantined };
}

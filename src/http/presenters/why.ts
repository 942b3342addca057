import { z } from '@hono/zod-openapi';
import type { FiringAnswer } from '../../automations/why-fired.ts';
import type { Why } from '../../log/why.ts';
import { impersonalKinds } from '../../mail/kinds.ts';
import { exclusionKinds, exclusionScopes } from './exclusion.ts';
import { presentSender, senderSchema } from './log-item.ts';

const time = () => z.string().openapi({ format: 'date-time' });

export const whySchema = z
  .object({
    messageId: z.string().nullable().openapi({ description: 'Without angle brackets' }),
    sightings: z.array(
      z.object({
        id: z.string(),
        mailbox: z
          .object({ connectionId: z.string(), address: z.string() })
          .nullable()
          .openapi({ description: "Null: somebody else's private mailbox" }),
        folder: z.string(),
        state: z.enum(['logged', 'skipped', 'quarantined']),
        rule: z.string(),
        explanation: z.string(),
        class: z.enum(['live', 'history', 'late_contact', 'late_folder', 'migrated']).nullable(),
        kind: z
          .enum(['personal', ...impersonalKinds])
          .nullable()
          .openapi({ description: 'What this copy is; null when it is not logged' }),
        sender: senderSchema.nullable().openapi({ description: 'Of what is logged' }),
        receivedAt: time().nullable(),
        listedAt: time(),
        decidedAt: time(),
        dueAt: time().nullable().openapi({ description: 'When it is decided again' }),
        error: z.string().nullable(),
        decisions: z.array(z.object({ state: z.string(), rule: z.string(), at: time() })),
        excluded: z
          .array(
            z.object({
              contact: z
                .object({ id: z.string(), name: z.string(), address: z.string() })
                .nullable()
                .openapi({ description: 'Of your own mailboxes only' }),
              exclusion: z
                .object({ kind: exclusionKinds, value: z.string(), scope: exclusionScopes })
                .nullable()
                .openapi({ description: "Null: a personal one of the mailbox's owner" }),
              removed: z.boolean(),
            }),
          )
          .openapi({ description: 'Contacts who took part, but whom an exclusion kept out' }),
        logItemIds: z.array(z.string()),
      }),
    ),
    automations: z
      .array(
        z.object({
          logItemId: z.string(),
          map: z.object({ id: z.string(), name: z.string() }),
          fired: z.boolean(),
          explanation: z.string(),
        }),
      )
      .openapi({
        description: 'Of mail that a contact sent: whether each map that listens now was started by it, and why not',
      }),
    explanation: z.string(),
  })
  .openapi('Why');

export function presentWhy(why: Why, automations: readonly FiringAnswer[]): z.infer<typeof whySchema> {
  return {
    messageId: why.messageId,
    sightings: why.sightings.map((sighting) => ({
      id: sighting.id,
      mailbox: sighting.mailbox,
      folder: sighting.folder,
      state: sighting.state,
      rule: sighting.rule,
      explanation: sighting.explanation,
      class: sighting.class,
      kind: sighting.kind,
      sender: presentSender(sighting.sender),
      receivedAt: sighting.receivedAt?.toISOString() ?? null,
      listedAt: sighting.listedAt.toISOString(),
      decidedAt: sighting.decidedAt.toISOString(),
      dueAt: sighting.dueAt?.toISOString() ?? null,
      error: sighting.error,
      decisions: sighting.decisions.map(({ state, rule, at }) => ({ state, rule, at: at.toISOString() })),
      excluded: sighting.excluded,
      logItemIds: sighting.logItemIds,
    })),
    automations: automations.map(({ logItemId, map, fired, explanation }) => ({ logItemId, map, fired, explanation })),
    explanation: why.explanation,
  };
}

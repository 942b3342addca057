import { z } from '@hono/zod-openapi';
import type { Why } from '../../log/why.ts';

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
        receivedAt: time().nullable(),
        listedAt: time(),
        decidedAt: time(),
        dueAt: time().nullable().openapi({ description: 'When it is decided again' }),
        error: z.string().nullable(),
        decisions: z.array(z.object({ state: z.string(), rule: z.string(), at: time() })),
        logItemIds: z.array(z.string()),
      }),
    ),
    explanation: z.string(),
  })
  .openapi('Why');

export function presentWhy(why: Why): z.infer<typeof whySchema> {
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
      receivedAt: sighting.receivedAt?.toISOString() ?? null,
      listedAt: sighting.listedAt.toISOString(),
      decidedAt: sighting.decidedAt.toISOString(),
      dueAt: sighting.dueAt?.toISOString() ?? null,
      error: sighting.error,
      decisions: sighting.decisions.map(({ state, rule, at }) => ({ state, rule, at: at.toISOString() })),
      logItemIds: sighting.logItemIds,
    })),
    explanation: why.explanation,
  };
}

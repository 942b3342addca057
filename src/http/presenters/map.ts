import { z } from '@hono/zod-openapi';
import type { Firing } from '../../automations/list-firings.ts';
import type { AutomationMap } from '../../automations/load-map.ts';
import { graphSchema } from '../../automations/map.ts';
import { impersonalKinds } from '../../mail/kinds.ts';

export const mapSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(['draft', 'published', 'paused']),
    version: z.int().nullable().openapi({ description: 'The version that contacts begin on' }),
    graph: graphSchema.describe('The draft'),
    publishedGraph: graphSchema.nullable(),
    counts: z.record(z.string(), z.int()).openapi({ description: 'Contacts that stand at each element, by its id' }),
    createdAt: z.string().openapi({ format: 'date-time' }),
    updatedAt: z.string().openapi({ format: 'date-time' }),
  })
  .openapi('Map');

export function presentMap(map: AutomationMap): z.infer<typeof mapSchema> {
  return {
    id: map.id,
    name: map.name,
    state: map.state,
    version: map.version,
    graph: map.graph,
    publishedGraph: map.publishedGraph,
    counts: map.counts,
    createdAt: map.createdAt.toISOString(),
    updatedAt: map.updatedAt.toISOString(),
  };
}

export const firingSchema = z
  .object({
    at: z.string().openapi({ format: 'date-time' }),
    contact: z.object({ id: z.string(), name: z.string() }).nullable().openapi({ description: 'Null: it was deleted' }),
    triggerId: z.string(),
    logItemId: z.string().nullable().openapi({ description: 'Null: it is gone, or you may not see it' }),
    kind: z
      .enum(['personal', ...impersonalKinds])
      .nullable()
      .openapi({ description: 'What the email was; null as logItemId' }),
    runId: z.string(),
  })
  .openapi('Firing');

export function presentFiring(firing: Firing): z.infer<typeof firingSchema> {
  return {
    at: firing.at.toISOString(),
    contact: firing.contact,
    triggerId: firing.triggerId,
    logItemId: firing.logItemId,
    kind: firing.kind,
    runId: firing.runId,
  };
}

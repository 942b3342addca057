import { z } from '@hono/zod-openapi';
import type { History } from '../../connections/history.ts';

const time = () => z.string().openapi({ format: 'date-time' });

export const historySchema = z
  .object({
    id: z.string(),
    since: time().nullable().openapi({ description: 'By receive time; null: from the beginning' }),
    until: time().nullable().openapi({ description: "Null: up to the connection's start" }),
    fires: z.boolean().openapi({ description: 'Whether it starts automations' }),
    state: z.enum(['running', 'paused', 'done', 'cancelled']),
    askedAt: time(),
    endedAt: time().nullable(),
    listed: z.int().openapi({ description: 'Messages of the range that have their row in the ledger by now' }),
    logged: z.int().openapi({ description: 'Those of them that the import put into the Contact Log' }),
    total: z.int().nullable().openapi({ description: 'As far as the server can tell; null: not counted yet' }),
    rate: z.number().nullable().openapi({ description: 'Messages a second; null while nothing moves' }),
    secondsLeft: z.number().nullable(),
    troubles: z.array(z.object({ folder: z.string(), error: z.string() })).openapi({
      description: 'Folders that can’t be read now; they are tried again',
    }),
  })
  .openapi('History');

export function presentHistory(history: History): z.infer<typeof historySchema> {
  return {
    id: history.id,
    since: history.since?.toISOString() ?? null,
    until: history.until?.toISOString() ?? null,
    fires: history.fires,
    state: history.state,
    askedAt: history.askedAt.toISOString(),
    endedAt: history.endedAt?.toISOString() ?? null,
    listed: history.listed,
    logged: history.logged,
    total: history.total,
    rate: history.rate,
    secondsLeft: history.secondsLeft,
    troubles: history.troubles.map(({ folder, error }) => ({ folder, error })),
  };
}

import { z } from '@hono/zod-openapi';
import type { Outage } from '../../connections/view-outages.ts';
import { checkSchema, presentCheck } from './check.ts';

const time = () => z.string().openapi({ format: 'date-time' });

export const outageSchema = z
  .object({
    id: z.string(),
    connection: z.object({
      id: z.string(),
      address: z.string(),
      owner: z.object({ id: z.string(), name: z.string() }).nullable(),
    }),
    phase: z.enum(['out', 'catching_up', 'checking', 'over']),
    needsSignIn: z.boolean().openapi({ description: 'Only a new sign-in of the mailbox’s owner ends it' }),
    code: z.string().openapi({ description: 'What is, or was, wrong: the state code of the connection' }),
    message: z.string().openapi({ description: 'The same as a sentence for people' }),
    beganAt: time(),
    backAt: time().nullable().openapi({ description: 'Since when the mailbox can be read again' }),
    caughtUpAt: time().nullable().openapi({ description: 'When all that had been missed was read' }),
    nextTryAt: time().nullable(),
    read: z.int().openapi({ description: 'Missed messages read so far' }),
    logged: z.int().openapi({ description: 'Those of them that are in the Contact Log' }),
    quarantined: z.int().openapi({ description: 'Those of them that are in quarantine now' }),
    check: checkSchema.nullable().openapi({
      description: 'Began by itself when everything had been read: its recovered and missing are the result',
    }),
    notice: z.enum(['raised', 'later', 'dismissed']).openapi({ description: 'What one did about it oneself' }),
  })
  .openapi('Outage');

export function presentOutage(outage: Outage): z.infer<typeof outageSchema> {
  const { id, connection, phase, needsSignIn, code, message, read, logged, quarantined, notice } = outage;
  return {
    id,
    connection: { id: connection.id, address: connection.address, owner: connection.owner },
    phase,
    needsSignIn,
    code,
    message,
    beganAt: outage.beganAt.toISOString(),
    backAt: outage.backAt?.toISOString() ?? null,
    caughtUpAt: outage.caughtUpAt?.toISOString() ?? null,
    nextTryAt: outage.nextTryAt?.toISOString() ?? null,
    read,
    logged,
    quarantined,
    check: outage.check && presentCheck(outage.check),
    notice,
  };
}

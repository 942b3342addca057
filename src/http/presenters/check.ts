import { z } from '@hono/zod-openapi';
import { differenceKinds } from '../../connections/checks.ts';
import type { Difference, MailboxCheck } from '../../connections/checks.ts';

const time = () => z.string().openapi({ format: 'date-time' });

export const checkSchema = z
  .object({
    id: z.string(),
    askedAt: time(),
    askedBy: z
      .object({ id: z.string(), name: z.string() })
      .nullable()
      .openapi({ description: 'Null: it began by itself' }),
    startedAt: time().nullable(),
    endedAt: time().nullable().openapi({ description: 'Null: it waits or is under way' }),
    listed: z.int().openapi({ description: 'Messages that the server has in the chosen folders, since the start' }),
    inLedger: z.int().openapi({ description: 'Those of them that had their row in the ledger' }),
    differences: z.int(),
    repaired: z.int(),
    recovered: z.int().openapi({ description: 'Messages that came into the Contact Log' }),
    missing: z.int().openapi({ description: 'Differences that are left' }),
    error: z.string().nullable().openapi({ description: 'Why it ended before every folder was compared' }),
    troubles: z
      .array(z.object({ folder: z.string(), error: z.string() }))
      .openapi({ description: 'Folders that could not be checked' }),
  })
  .openapi('MailboxCheck');

export const differenceSchema = z
  .object({
    folder: z.string(),
    kind: z.enum(Object.keys(differenceKinds) as (keyof typeof differenceKinds)[]),
    explanation: z.string(),
    epoch: z.string().nullable(),
    ref: z.string().nullable().openapi({ description: 'Where the message lies in the folder (IMAP: its UID)' }),
    ruleBefore: z.string().nullable(),
    ruleAfter: z.string().nullable(),
    foundAt: time(),
  })
  .openapi('Difference');

export function presentCheck(check: MailboxCheck): z.infer<typeof checkSchema> {
  const { id, askedAt, askedBy, startedAt, endedAt, listed, inLedger, differences, repaired, recovered, missing } =
    check;
  return {
    id,
    askedAt: askedAt.toISOString(),
    askedBy,
    startedAt: startedAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    listed,
    inLedger,
    differences,
    repaired,
    recovered,
    missing,
    error: check.error,
    troubles: check.troubles.map(({ folder, error }) => ({ folder, error })),
  };
}

export function presentDifference(difference: Difference): z.infer<typeof differenceSchema> {
  const { folder, kind, epoch, ref, ruleBefore, ruleAfter, foundAt } = difference;
  return {
    folder,
    kind,
    explanation: differenceKinds[kind],
    epoch,
    ref,
    ruleBefore,
    ruleAfter,
    foundAt: foundAt.toISOString(),
  };
}

import { sql } from 'kysely';
import { z } from 'zod';
import { highestLeadScore } from '../../contacts/lead-score.ts';
import { notify } from '../../db/listen.ts';
import type { Action } from './action.ts';

const schema = z.object({ kind: z.literal('change_lead_score'), by: z.int().min(-1000).max(1000) });

export const changeLeadScore: Action<typeof schema> = {
  schema,
  label: ({ by }) => (by < 0 ? `Lower the lead score by ${-by}` : `Raise the lead score by ${by}`),
  references: () => [],
  problems: ({ by }) => (by === 0 ? [{ field: 'by', message: 'Enter by how much the lead score changes.' }] : []),
  // At the limit the score stays, and the run goes on.
  async run(trx, { accountId, contactId }, { by }) {
    const { rows } = await sql<{ score: number }>`
      update contact set updated_at = now(), lead_score = greatest(${-highestLeadScore}::int, least(${highestLeadScore}::int, lead_score + ${by}::int))
      where account_id = ${accountId} and id = ${contactId} returning lead_score as score`.execute(trx);
    await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
    return { did: { by, leadScore: rows[0]?.score } };
  },
};

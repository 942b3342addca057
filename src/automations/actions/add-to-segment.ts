import { z } from 'zod';
import { notify } from '../../db/listen.ts';
import type { Action } from './action.ts';
import { StepFailed } from './action.ts';

const schema = z.object({ kind: z.literal('add_to_segment'), segmentId: z.uuid().nullable() });

export const addToSegment: Action<typeof schema> = {
  schema,
  label: ({ segmentId }, nameOf) => {
    const name = segmentId && nameOf('segment', segmentId);
    return name ? `Add to the segment “${name}”` : 'Add to a segment';
  },
  references: ({ segmentId }) => [{ field: 'segmentId', type: 'segment', id: segmentId }],
  async run(trx, { accountId, contactId }, { segmentId }) {
    const segment = await trx
      .selectFrom('segment')
      .select(['id', 'name'])
      .where('account_id', '=', accountId)
      .where('id', '=', segmentId)
      // Against a deletion until the commit.
      .forKeyShare()
      .executeTakeFirst();
    if (!segment) throw new StepFailed('The segment to add to has been deleted.');
    const added = await trx
      .insertInto('contact_segment')
      .values({ account_id: accountId, contact_id: contactId, segment_id: segment.id })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
    return { did: { segment: segment.name, wasIn: added.numInsertedOrUpdatedRows === 0n } };
  },
};

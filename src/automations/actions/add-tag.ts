import { z } from 'zod';
import { notify } from '../../db/listen.ts';
import type { Action } from './action.ts';
import { StepFailed } from './action.ts';

const schema = z.object({ kind: z.literal('add_tag'), tagId: z.uuid().nullable() });

export const addTag: Action<typeof schema> = {
  schema,
  label: ({ tagId }, nameOf) => {
    const name = tagId && nameOf('tag', tagId);
    return name ? `Add the tag “${name}”` : 'Add a tag';
  },
  references: ({ tagId }) => [{ field: 'tagId', type: 'tag', id: tagId }],
  async run(trx, { accountId, contactId }, { tagId }) {
    const tag = await trx
      .selectFrom('tag')
      .select(['id', 'name'])
      .where('account_id', '=', accountId)
      .where('id', '=', tagId)
      // Against a deletion until the commit.
      .forKeyShare()
      .executeTakeFirst();
    if (!tag) throw new StepFailed('The tag to be added has been deleted.');
    const added = await trx
      .insertInto('contact_tag')
      .values({ account_id: accountId, contact_id: contactId, tag_id: tag.id })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
    return { did: { tag: tag.name, hadIt: added.numInsertedOrUpdatedRows === 0n } };
  },
};

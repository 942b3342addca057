import { z } from 'zod';
import { moveToStage } from '../../contacts/stages.ts';
import { notify } from '../../db/listen.ts';
import { AppError } from '../../errors.ts';
import { appendStageChanges } from '../../log/stage-change.ts';
import type { Action } from './action.ts';
import { StepFailed } from './action.ts';

const schema = z.object({ kind: z.literal('move_stage'), stageId: z.uuid().nullable() });

export const moveStage: Action<typeof schema> = {
  schema,
  label: ({ stageId }, nameOf) => {
    const name = stageId && nameOf('stage', stageId);
    return name ? `Move to the stage “${name}”` : 'Move to a stage';
  },
  references: ({ stageId }) => [{ field: 'stageId', type: 'stage', id: stageId }],
  async run(trx, { accountId, contactId }, { stageId }) {
    try {
      await moveToStage(trx, { stageChanged: appendStageChanges }, accountId, [contactId], stageId, null);
    } catch (error) {
      if (error instanceof AppError && error.code === 'invalid') {
        throw new StepFailed('The stage to move to has been deleted.', { cause: error });
      }
      throw error;
    }
    await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
    return { did: { stageId } };
  },
};

import type { z } from 'zod';
import type { Action, NameOf, Outcome, Reference, StepContext } from './action.ts';
import type { Trx } from '../../db/open.ts';
import { addTag } from './add-tag.ts';
import { addToSegment } from './add-to-segment.ts';
import { changeLeadScore } from './change-lead-score.ts';
import { createTask } from './create-task.ts';
import { moveStage } from './move-stage.ts';
import { wait } from './wait.ts';

/** Every kind of action. A new one is a file beside these and a line here. */
export const actions = {
  create_task: createTask,
  change_lead_score: changeLeadScore,
  add_tag: addTag,
  add_to_segment: addToSegment,
  move_stage: moveStage,
  wait,
} as const;

export type ActionKind = keyof typeof actions;
export type ActionSettings = { [K in ActionKind]: z.infer<(typeof actions)[K]['schema']> }[ActionKind];

/** Finds the action of these settings; undefined for triggers and ends. */
function actionOf(settings: { kind: string }): Action | undefined {
  return Object.hasOwn(actions, settings.kind)
    ? (actions[settings.kind as ActionKind] as unknown as Action)
    : undefined;
}

/** Does what the element says. The settings were validated when its map was published. */
export function runAction(trx: Trx, context: StepContext, settings: ActionSettings): Promise<Outcome> {
  return actionOf(settings)!.run(trx, context, settings);
}

export function labelOf(settings: { kind: string }, nameOf: NameOf): string {
  if (settings.kind === 'email_received') return 'Sends you an email';
  return actionOf(settings)?.label(settings, nameOf) ?? 'End';
}

/** The rows that the settings name. */
export function referencesOf(settings: { kind: string }): Reference[] {
  return actionOf(settings)?.references(settings) ?? [];
}

/** What the settings lack for publishing, apart from referred rows. */
export function settingProblems(settings: { kind: string }): { field: string; message: string }[] {
  return actionOf(settings)?.problems?.(settings) ?? [];
}

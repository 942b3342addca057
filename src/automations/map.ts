/**
 * A map is data: elements joined by arrows. The draft must have this shape; what more must hold to publish it is in validate.ts.
 * A published version never changes, and runs stay on theirs.
 */
import { z } from 'zod';
import { impersonalKinds } from '../mail/kinds.ts';
import { actions } from './actions/registry.ts';

/** Triggers stand only on top of a map. */
export const triggerKinds = ['email_received'] as const;
export type TriggerKind = (typeof triggerKinds)[number];

const id = z.string().regex(/^[\w-]{1,64}$/, 'Use letters, digits, - and _ (at most 64).');

export const elementSchema = z.discriminatedUnion('kind', [
  z.object({
    id,
    kind: z.literal('email_received'),
    // What it fires for beside persons' mail (spec B7); without it nothing.
    alsoFor: z.array(z.enum(impersonalKinds)).max(impersonalKinds.length).optional(),
    // Whether it fires for mail whose sender failed the check too (spec B6).
    alsoUnconfirmed: z.boolean().optional(),
  }),
  actions.create_task.schema.extend({ id }),
  actions.change_lead_score.schema.extend({ id }),
  actions.add_tag.schema.extend({ id }),
  actions.add_to_segment.schema.extend({ id }),
  actions.move_stage.schema.extend({ id }),
  actions.wait.schema.extend({ id }),
  z.object({ id, kind: z.literal('end') }),
]);

export const graphSchema = z
  .object({
    elements: z.array(elementSchema).max(200),
    arrows: z.array(z.object({ from: id, to: id })).max(400),
  })
  .superRefine(({ elements, arrows }, context) => {
    const ids = new Set<string>();
    elements.forEach((element, index) => {
      if (ids.has(element.id)) {
        context.addIssue({ code: 'custom', path: ['elements', index, 'id'], message: 'Another element has this id.' });
      }
      ids.add(element.id);
    });
    arrows.forEach((arrow, index) => {
      for (const end of ['from', 'to'] as const) {
        if (ids.has(arrow[end])) continue;
        context.addIssue({ code: 'custom', path: ['arrows', index, end], message: 'No element has this id.' });
      }
    });
  });

export type Element = z.infer<typeof elementSchema>;
export type Graph = z.infer<typeof graphSchema>;

export function isTrigger(element: Element): element is Extract<Element, { kind: TriggerKind }> {
  return (triggerKinds as readonly string[]).includes(element.kind);
}

/** Where the arrow from an element leads; undefined where the way ends. */
export function elementAfter(graph: Graph, elementId: string): Element | undefined {
  const arrow = graph.arrows.find(({ from }) => from === elementId);
  return arrow && graph.elements.find((element) => element.id === arrow.to);
}

/** What a new map starts as: an email from the contact makes a task for whoever looks after the contact. */
export function newGraph(): Graph {
  return {
    elements: [
      { id: 'trigger', kind: 'email_received' },
      {
        id: 'task',
        kind: 'create_task',
        subject: 'Answer the email',
        assignee: 'contact_owner',
        due: { amount: 24, unit: 'hours' },
      },
      { id: 'end', kind: 'end' },
    ],
    arrows: [
      { from: 'trigger', to: 'task' },
      { from: 'task', to: 'end' },
    ],
  };
}

import {
  IconChecklist,
  IconClock,
  IconFlag,
  IconMailDown,
  IconStairs,
  IconTag,
  IconTrendingUp,
  IconUsersPlus,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { segmentsQuery, stagesQuery, tagsQuery } from '../../api/labels.ts';
import type { Element, Named } from '../../api/types.ts';

export const kinds = {
  email_received: { name: 'Sends you an email', icon: IconMailDown },
  create_task: { name: 'Create a task', icon: IconChecklist },
  change_lead_score: { name: 'Change the lead score', icon: IconTrendingUp },
  add_tag: { name: 'Add a tag', icon: IconTag },
  add_to_segment: { name: 'Add to a segment', icon: IconUsersPlus },
  move_stage: { name: 'Move to a stage', icon: IconStairs },
  wait: { name: 'Wait', icon: IconClock },
  end: { name: 'End', icon: IconFlag },
} as const satisfies Record<Element['kind'], unknown>;

export const actionKinds = [
  'create_task',
  'change_lead_score',
  'add_tag',
  'add_to_segment',
  'move_stage',
  'wait',
] as const;

const nameIn = (all: Named[] | undefined, id: string | null) => all?.find((one) => one.id === id)?.name ?? '…';
const amountOf = (amount: number, unit: string) => `${amount} ${amount === 1 ? unit.slice(0, -1) : unit}`;

/** What an element does, in a line. */
export function useWords(): (element: Element) => { title: string; detail: string } {
  const { data: tags } = useQuery(tagsQuery);
  const { data: segments } = useQuery(segmentsQuery);
  const { data: stages } = useQuery(stagesQuery);
  return (element) => {
    const title = kinds[element.kind].name;
    switch (element.kind) {
      case 'email_received':
        return { title, detail: 'A contact writes to a connected address' };
      case 'create_task':
        return {
          title,
          detail: `“${element.subject || '…'}”, due in ${amountOf(element.due.amount, element.due.unit)}`,
        };
      case 'change_lead_score':
        return { title, detail: element.by < 0 ? `Lower it by ${-element.by}` : `Raise it by ${element.by}` };
      case 'add_tag':
        return { title, detail: element.tagId ? nameIn(tags, element.tagId) : 'No tag chosen yet' };
      case 'add_to_segment':
        return { title, detail: element.segmentId ? nameIn(segments, element.segmentId) : 'No segment chosen yet' };
      case 'move_stage':
        return { title, detail: element.stageId ? nameIn(stages, element.stageId) : 'No stage chosen yet' };
      case 'wait':
        return { title, detail: amountOf(element.amount, element.unit) };
      case 'end':
        return { title, detail: 'The contact leaves the automation' };
    }
  };
}

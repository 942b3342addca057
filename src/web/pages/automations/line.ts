import type { Element, Graph } from '../../api/types.ts';

/**
 * A map as the editor draws it: its elements in a straight line from the trigger on. Null when it isn't one (maps made through the API may have
 * several triggers or ways back): then only the elements' settings can be edited here.
 */
export function lineOf(graph: Graph): Element[] | null {
  const targets = new Set(graph.arrows.map(({ to }) => to));
  const starts = graph.elements.filter(({ id }) => !targets.has(id));
  if (starts.length !== 1 || graph.arrows.length !== graph.elements.length - 1) return null;
  const line: Element[] = [];
  const seen = new Set<string>();
  for (let element = starts[0]; element && !seen.has(element.id);) {
    line.push(element);
    seen.add(element.id);
    const id = element.id;
    const next = graph.arrows.find(({ from }) => from === id);
    element = next && graph.elements.find((other) => other.id === next.to);
  }
  return line.length === graph.elements.length ? line : null;
}

export function graphOf(line: Element[]): Graph {
  return {
    elements: line,
    arrows: line.slice(1).map((element, index) => ({ from: line[index]?.id ?? '', to: element.id })),
  };
}

export const isFixed = ({ kind }: Element) => kind === 'email_received' || kind === 'end';

/** Puts an element at a place of the line; never before the trigger or behind the end. */
export function inserted(line: Element[], element: Element, at: number): Element[] {
  const last = line.at(-1)?.kind === 'end' ? line.length - 1 : line.length;
  return line.toSpliced(Math.min(Math.max(at, 1), last), 0, element);
}

/** Moves an element one place up (-1) or down (1); the same line when it can't go there. */
export function moved(line: Element[], id: string, by: -1 | 1): Element[] {
  const at = line.findIndex((element) => element.id === id);
  const [element, other] = [line[at], line[at + by]];
  if (!element || !other || isFixed(element) || isFixed(other)) return line;
  return line.map((one, index) => (index === at ? other : index === at + by ? element : one));
}

/** A new element's first settings. */
export function newElement(kind: Exclude<Element['kind'], 'email_received' | 'end'>): Element {
  const id = crypto.randomUUID();
  switch (kind) {
    case 'create_task':
      return { id, kind, subject: 'Answer the email', assignee: 'contact_owner', due: { amount: 24, unit: 'hours' } };
    case 'change_lead_score':
      return { id, kind, by: 5 };
    case 'add_tag':
      return { id, kind, tagId: null };
    case 'add_to_segment':
      return { id, kind, segmentId: null };
    case 'move_stage':
      return { id, kind, stageId: null };
    case 'wait':
      return { id, kind, amount: 1, unit: 'days' };
  }
}

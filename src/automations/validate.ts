import type { NameOf, ReferenceType } from './actions/action.ts';
import { labelOf, referencesOf, settingProblems } from './actions/registry.ts';
import type { Element, Graph } from './map.ts';
import { isTrigger } from './map.ts';

/** Why a map can't be published. elementId null: it concerns the whole map. */
export interface MapProblem {
  elementId: string | null;
  field: string | null;
  message: string;
}

/** What must hold to publish; an empty list means that it may be. `nameOf` knows the account's rows. */
export function publishProblems(graph: Graph, nameOf: NameOf): MapProblem[] {
  return [...shapeProblems(graph, nameOf), ...graph.elements.flatMap((element) => elementProblems(element, nameOf))];
}

const nouns: Record<ReferenceType, string> = { tag: 'tag', segment: 'segment', stage: 'stage', user: 'user' };

function elementProblems(element: Element, nameOf: NameOf): MapProblem[] {
  const missing = referencesOf(element).flatMap(({ field, type, id }) => {
    if (id === null) return [{ field, message: `Choose a ${nouns[type]}.` }];
    if (nameOf(type, id) !== undefined) return [];
    const gone = type === 'user' ? "isn't a member of the account any more" : "doesn't exist any more";
    return [{ field, message: `The chosen ${nouns[type]} ${gone}. Choose another one.` }];
  });
  return [...settingProblems(element), ...missing].map((problem) => ({ elementId: element.id, ...problem }));
}

/** Ways have one direction and, for now, no forks: at most one arrow leads on from an element. */
function shapeProblems({ elements, arrows }: Graph, nameOf: NameOf): MapProblem[] {
  const whole = (message: string): MapProblem[] => [{ elementId: null, field: null, message }];
  const triggers = elements.filter(isTrigger);
  if (triggers.length === 0) return whole('Put a trigger on top: it says what starts the map.');
  if (elements.every((element) => isTrigger(element) || element.kind === 'end')) {
    return whole('Add at least one action: the map does nothing yet.');
  }
  const after = new Map<string, string[]>();
  const before = new Set<string>();
  for (const { from, to } of arrows) {
    after.set(from, [...(after.get(from) ?? []), to]);
    before.add(to);
  }
  const problems = elements.flatMap((element): MapProblem[] => {
    const { id } = element;
    const label = labelOf(element, nameOf);
    const count = after.get(id)?.length ?? 0;
    const say = (message: string): MapProblem[] => [{ elementId: id, field: null, message }];
    if (isTrigger(element)) {
      if (before.has(id)) return say(`“${label}” starts the map: no arrow may lead to it.`);
      if (count === 0) return say(`Draw an arrow from “${label}” to what comes first.`);
    }
    if (element.kind === 'end' && count > 0) return say('Nothing may come after an end.');
    if (count > 1) return say(`Only one arrow may lead on from “${label}”.`);
    return [];
  });
  if (problems.length > 0) return problems;

  const reached = new Set(triggers.map(({ id }) => id));
  // A set's iteration comes to what is added on the way.
  for (const id of reached) for (const next of after.get(id) ?? []) reached.add(next);
  const unreached = elements.filter(({ id }) => !reached.has(id));
  if (unreached.length > 0) {
    return unreached.map((element) => ({
      elementId: element.id,
      field: null,
      message: `No way leads to “${labelOf(element, nameOf)}”. Connect it or remove it.`,
    }));
  }
  const restless = elements.find((element) => runsWithoutRest(element.id, elements, after));
  if (!restless) return [];
  const message = `The way from “${labelOf(restless, nameOf)}” leads back to it without a wait, so it would never end. Add a wait or remove the arrow back.`;
  return [{ elementId: restless.id, field: null, message }];
}

/** Whether the way from an element leads back to it through no wait. */
function runsWithoutRest(start: string, elements: Element[], after: Map<string, string[]>): boolean {
  const kinds = new Map(elements.map(({ id, kind }) => [id, kind]));
  const seen = new Set<string>();
  let id: string | undefined = start;
  do {
    if (kinds.get(id) === 'wait') return false;
    seen.add(id);
    id = after.get(id)?.[0];
  } while (id !== undefined && !seen.has(id));
  return id === start;
}

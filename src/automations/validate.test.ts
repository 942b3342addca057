import { expect, test } from 'vitest';
import { line } from '../../test/fixtures/automation.ts';
import type { NameOf } from './actions/action.ts';
import { graphSchema, newGraph } from './map.ts';
import { publishProblems } from './validate.ts';

const tagId = '00000000-0000-4000-8000-000000000001';
const known: NameOf = (_type, id) => (id === tagId ? 'VIP' : undefined);
const raise = { kind: 'change_lead_score', by: 1 };
const wait = { kind: 'wait', amount: 1, unit: 'days' };

test('a new map can be published as it is', () => {
  const graph = newGraph();
  expect(graphSchema.parse(graph)).toEqual(graph);
  expect(publishProblems(graph, known)).toEqual([]);
});

test('a map needs a trigger and an action', () => {
  expect(publishProblems({ elements: [], arrows: [] }, known)[0]).toMatchObject({ elementId: null });
  expect(publishProblems(line([]), known)[0]?.message).toContain('at least one action');
  expect(publishProblems(line([{ kind: 'end' }]), known)[0]?.message).toContain('at least one action');
});

test('missing and deleted choices are named by element and field', () => {
  const graph = line([
    { kind: 'add_tag', tagId: null },
    { kind: 'add_tag', tagId: '00000000-0000-4000-8000-000000000002' },
    { kind: 'add_tag', tagId },
    {
      kind: 'create_task',
      subject: '',
      assignee: { userId: tagId.replace('1', '9') },
      due: { amount: 1, unit: 'days' },
    },
    { kind: 'change_lead_score', by: 0 },
  ]);
  expect(publishProblems(graph, known)).toEqual([
    { elementId: 'e1', field: 'tagId', message: 'Choose a tag.' },
    { elementId: 'e2', field: 'tagId', message: "The chosen tag doesn't exist any more. Choose another one." },
    { elementId: 'e4', field: 'subject', message: 'Enter what is to be done.' },
    {
      elementId: 'e4',
      field: 'assignee',
      message: "The chosen user isn't a member of the account any more. Choose another one.",
    },
    { elementId: 'e5', field: 'by', message: 'Enter by how much the lead score changes.' },
  ]);
});

test('every element must be reached, and ways must not fork', () => {
  const lonely = line([raise, raise]);
  lonely.arrows.pop();
  expect(publishProblems(lonely, known)).toMatchObject([{ elementId: 'e2' }]);
  const forked = line([raise, raise, raise]);
  forked.arrows.push({ from: 'e1', to: 'e3' });
  expect(publishProblems(forked, known)).toMatchObject([{ elementId: 'e1' }]);
});

test('nothing leads to a trigger or on from an end', () => {
  const back = line([raise]);
  back.arrows.push({ from: 'e1', to: 'trigger' });
  expect(publishProblems(back, known)).toMatchObject([{ elementId: 'trigger' }]);
  const on = line([raise, { kind: 'end' }, raise]);
  expect(publishProblems(on, known)).toMatchObject([{ elementId: 'e2' }]);
});

test('a circle needs a wait in it', () => {
  const restless = line([raise, raise, raise]);
  restless.arrows.push({ from: 'e3', to: 'e2' });
  expect(publishProblems(restless, known)).toMatchObject([{ elementId: 'e2' }]);
  const patient = line([raise, wait, raise]);
  patient.arrows.push({ from: 'e3', to: 'e2' });
  expect(publishProblems(patient, known)).toEqual([]);
});

test('a draft may lack choices but not shape', () => {
  const broken = { elements: [{ id: 'a', kind: 'add_tag', tagId: null }], arrows: [{ from: 'a', to: 'b' }] };
  const issues = graphSchema.safeParse(broken).error?.issues;
  expect(issues).toMatchObject([{ path: ['arrows', 0, 'to'] }]);
  const twice = { elements: [...line([]).elements, ...line([]).elements], arrows: [] };
  expect(graphSchema.safeParse(twice).error?.issues).toMatchObject([{ path: ['elements', 1, 'id'] }]);
});

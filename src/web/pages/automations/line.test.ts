import { expect, test } from 'vitest';
import type { Element } from '../../api/types.ts';
import { graphOf, inserted, lineOf, moved } from './line.ts';

const trigger: Element = { id: 'trigger', kind: 'email_received' };
const score: Element = { id: 'score', kind: 'change_lead_score', by: 5 };
const wait: Element = { id: 'wait', kind: 'wait', amount: 1, unit: 'days' };
const end: Element = { id: 'end', kind: 'end' };
const ids = (line: Element[] | null) => line?.map(({ id }) => id);

test('a line is found whatever the order of its elements and arrows', () => {
  const graph = graphOf([trigger, score, wait, end]);
  expect(ids(lineOf({ elements: graph.elements.toReversed(), arrows: graph.arrows.toReversed() }))).toEqual([
    'trigger',
    'score',
    'wait',
    'end',
  ]);
});

test('maps with several triggers, ways back or loose elements are no line', () => {
  const arrow = (from: string, to: string) => ({ from, to });
  expect(
    lineOf({
      elements: [trigger, { ...trigger, id: 'other' }, end],
      arrows: [arrow('trigger', 'end'), arrow('other', 'end')],
    }),
  ).toBeNull();
  expect(
    lineOf({
      elements: [trigger, score, wait],
      arrows: [arrow('trigger', 'score'), arrow('score', 'wait'), arrow('wait', 'score')],
    }),
  ).toBeNull();
  expect(lineOf({ elements: [trigger, score, wait], arrows: [arrow('trigger', 'score')] })).toBeNull();
});

test('nothing is inserted before the trigger or behind the end', () => {
  expect(ids(inserted([trigger, end], score, 0))).toEqual(['trigger', 'score', 'end']);
  expect(ids(inserted([trigger, end], score, 9))).toEqual(['trigger', 'score', 'end']);
  expect(ids(inserted([trigger], score, 9))).toEqual(['trigger', 'score']);
});

test('steps change places with each other, but not with the trigger or the end', () => {
  const line = [trigger, score, wait, end];
  expect(ids(moved(line, 'score', 1))).toEqual(['trigger', 'wait', 'score', 'end']);
  expect(ids(moved(line, 'score', -1))).toEqual(ids(line));
  expect(ids(moved(line, 'wait', 1))).toEqual(ids(line));
});

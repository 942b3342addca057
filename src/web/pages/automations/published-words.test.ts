import { expect, test } from 'vitest';
import type { Element } from '../../api/types.ts';
import { publishedWords } from './published-words.ts';

type Trigger = Extract<Element, { kind: 'email_received' }>;
const words = (...triggers: Omit<Trigger, 'id' | 'kind'>[]) =>
  publishedWords({
    elements: triggers.map((trigger, at) => ({ id: `t${at}`, kind: 'email_received', ...trigger })),
    arrows: [],
  });

test('names what starts nothing', () => {
  expect(words({})).toBe(
    'Published: from now on it starts for every email that a contact sends, except automatic replies, bounces, mailing lists, calendar mail and mail from unconfirmed senders.',
  );
  expect(words({ alsoFor: ['list', 'bounce'], alsoUnconfirmed: true })).toMatch(
    / sends, except automatic replies and calendar mail\.$/,
  );
});

test('leaves out what any trigger has ticked', () => {
  expect(words({ alsoFor: ['auto_reply', 'bounce', 'list'] }, { alsoFor: ['calendar'], alsoUnconfirmed: true })).toBe(
    'Published: from now on it starts for every email that a contact sends.',
  );
});

import { expect, test } from 'vitest';
import { isDraft } from './draft.ts';

test.each([
  ['what lies in Drafts', 'drafts', [], true],
  ['what is flagged, wherever it lies', 'all', ['\\Seen', '\\draft'], true],
  ["JMAP's keyword", null, ['$draft'], true],
  ['what lies among the sent with the flag of the draft that it was', 'sent', ['\\Draft'], false],
  ['mail in the inbox', 'inbox', ['\\Seen'], false],
])('edge case 13: drafts: %s', (_, role, flags, draft) => {
  expect(isDraft(role, flags)).toBe(draft);
});

import { expect, test } from 'vitest';
import { mayStart } from './may-start.ts';

const sender = (verdict: 'pass' | 'fail' | 'none') => ({ verdict, by: null, results: null });

test('what may start automations is said by class, kind and sender, as the rule above it says it', () => {
  expect(mayStart({ class: 'live', kind: 'personal', sender: sender('pass') })).toBe(
    'It arrived while its folder was synced, so it can start automations if a contact sent it.',
  );
  expect(mayStart({ class: 'live', kind: 'list', sender: null })).toBe(
    'It arrived while its folder was synced, but it is mail of a mailing list or a newsletter: it starts an automation only where its trigger says so.',
  );
  expect(mayStart({ class: 'live', kind: 'bounce', sender: sender('fail') })).toBe(
    'It arrived while its folder was synced, but it is a bounce and its sender could not be confirmed: it starts an automation only where its trigger says so.',
  );
  expect(mayStart({ class: 'history', kind: 'personal', sender: null })).toBe(
    'It belongs to the history that was asked for: it starts automations only where that was asked for too.',
  );
  expect(mayStart({ class: 'history', kind: 'calendar', sender: null })).toBe(
    'It belongs to the history that was asked for, and it is calendar mail: it starts an automation only where that was asked for and its trigger says so.',
  );
  expect(mayStart({ class: 'late_folder', kind: 'list', sender: null })).toMatch(/so it starts no automation\.$/);
  expect(mayStart({ class: null, kind: null, sender: null })).toBeNull();
});

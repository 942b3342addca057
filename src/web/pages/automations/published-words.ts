import type { Element, Graph } from '../../api/types.ts';

type Trigger = Extract<Element, { kind: 'email_received' }>;

const kinds = [
  ['auto_reply', 'automatic replies'],
  ['bounce', 'bounces'],
  ['list', 'mailing lists'],
  ['calendar', 'calendar mail'],
] as const;

const list = new Intl.ListFormat('en-GB', { type: 'conjunction' });

/** What is said when a map was published: which mail starts it, and which doesn't because no trigger has ticked it. */
export function publishedWords({ elements }: Graph): string {
  const triggers = elements.filter((element): element is Trigger => element.kind === 'email_received');
  const left = [
    ...kinds.filter(([kind]) => !triggers.some(({ alsoFor }) => alsoFor?.includes(kind))).map(([, words]) => words),
    ...(triggers.some(({ alsoUnconfirmed }) => alsoUnconfirmed) ? [] : ['mail from unconfirmed senders']),
  ];
  const except = left.length > 0 ? `, except ${list.format(left)}` : '';
  return `Published: from now on it starts for every email that a contact sends${except}.`;
}

import type { LogItem } from '../api/types.ts';

type Message = NonNullable<LogItem['message']>;

const labels = {
  auto_reply: 'automatic reply',
  bounce: 'delivery report',
  list: 'mailing list',
  calendar: 'calendar',
} satisfies Record<Exclude<Message['kind'], 'personal'>, string>;

const statuses = { failed: 'delivery failed', delayed: 'delivery delayed', delivered: 'delivered' };

/** What to call mail that no person wrote to the reader; null for a person's. It starts an automation only where the trigger says so. */
export function kindLabel({
  kind,
  delivery,
}: Pick<Message, 'kind'> & Partial<Pick<Message, 'delivery'>>): string | null {
  if (kind === 'personal') return null;
  if (kind !== 'bounce' || !delivery) return labels[kind];
  const [first, ...more] = delivery.recipients;
  const whom = first === undefined ? '' : ` to ${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
  return statuses[delivery.status] + whom;
}

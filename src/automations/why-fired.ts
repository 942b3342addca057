import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db, Trx } from '../db/open.ts';
import { visibleTo } from '../log/visibility-sql.ts';
import { kindNames } from '../mail/kinds.ts';
import type { MailKind } from '../mail/kinds.ts';
import { firingKey, startsFor } from './fire.ts';
import { loadListeningSpans } from './listening.ts';
import type { ListeningSpan } from './listening.ts';
import { listPublishedTriggers } from './published.ts';
import type { PublishedTrigger } from './published.ts';

/** Whether a mail started a map that listens now, and why not. */
export interface FiringAnswer {
  logItemId: string;
  map: { id: string; name: string };
  fired: boolean;
  /** A sentence for people. */
  explanation: string;
}

/**
 * Of these log items, for those that are mail which the contact sent and which the viewer may see: what each published map with the trigger *Sends you an
 * email* made of it. A constant number of queries.
 */
export async function whyFired(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId' | 'userId'>,
  itemIds: readonly string[],
): Promise<FiringAnswer[]> {
  if (itemIds.length === 0) return [];
  const { accountId } = viewer;
  const items = await loadReceived(db, viewer, itemIds);
  const triggers = items.length > 0 ? await listPublishedTriggers(db, accountId, 'email_received') : [];
  if (triggers.length === 0) return [];
  const kinds = await loadKinds(
    db,
    accountId,
    items.map((item) => item.message_id),
  );
  const spansOf = await loadListeningSpans(db, accountId, [...new Set(triggers.map(({ mapId }) => mapId))]);
  const asked = items.flatMap((item) =>
    triggers.map((trigger) => ({
      item,
      trigger,
      key: firingKey(trigger.mapId, trigger.triggerId, item.contact_id, item.identity.toString('hex')),
    })),
  );
  const rows = await db
    .selectFrom('firing')
    .select('key')
    .where('account_id', '=', accountId)
    .where(
      'key',
      'in',
      asked.map(({ key }) => Buffer.from(key, 'hex')),
    )
    .execute();
  const fired = new Set(rows.map(({ key }) => key.toString('hex')));
  return asked.map(({ item, trigger, key }) => ({
    logItemId: item.id,
    map: { id: trigger.mapId, name: trigger.mapName },
    fired: fired.has(key),
    explanation: fired.has(key)
      ? `It started “${trigger.mapName}”.`
      : `It didn't start “${trigger.mapName}”${whyNot(trigger, spansOf(trigger.mapId, trigger.triggerId), item, kinds.get(item.message_id) ?? [])}.`,
  }));
}

type Received = Awaited<ReturnType<typeof loadReceived>>[number];

async function loadReceived(db: Db | Trx, viewer: Pick<Viewer, 'accountId' | 'userId'>, itemIds: readonly string[]) {
  return await db
    .selectFrom('log_item as li')
    .innerJoin('message as m', (join) =>
      join.onRef('m.account_id', '=', 'li.account_id').onRef('m.id', '=', 'li.message_id'),
    )
    .where('li.account_id', '=', viewer.accountId)
    .where('li.id', 'in', itemIds)
    .where('li.direction', '=', 'received')
    .where(visibleTo(viewer, 'li'))
    .orderBy('li.id')
    .select(['li.id', 'li.contact_id', 'li.class', 'm.id as message_id', 'm.identity', 'm.kind', 'm.created_at'])
    .select(
      sql<boolean>`exists (select from sighting s
        where s.account_id = li.account_id and s.message_id = li.message_id and s.verdict = 'fail')`.as('unconfirmed'),
    )
    .execute();
}

/** The kinds of each message's copies. */
async function loadKinds(
  db: Db | Trx,
  accountId: string,
  messageIds: readonly string[],
): Promise<Map<string, MailKind[]>> {
  const rows = await db
    .selectFrom('sighting as s')
    .innerJoin('message as m', (join) =>
      join.onRef('m.account_id', '=', 's.account_id').onRef('m.id', '=', 's.message_id'),
    )
    .where('s.account_id', '=', accountId)
    .where('s.message_id', 'in', messageIds)
    .select((eb) => ['m.id', eb.fn.coalesce('s.kind', 'm.kind').as('kind')])
    .distinct()
    .execute();
  const kinds = new Map<string, MailKind[]>();
  for (const { id, kind } of rows) kinds.set(id, [...(kinds.get(id) ?? []), kind]);
  return kinds;
}

const whyNotLive: Record<Exclude<NonNullable<Received['class']>, 'live'>, string> = {
  history: 'it came with the history that was asked for',
  late_contact: 'its contact or address was added later',
  late_folder: 'it arrived before its folder was ticked',
  migrated: 'it was moved here from another mailbox',
};

/** In the order in which firing looks (automations/fire.ts); '' where the reason is gone, such as a contact that has been merged. */
function whyNot(
  trigger: PublishedTrigger,
  spans: readonly ListeningSpan[],
  item: Received,
  kinds: readonly MailKind[],
): string {
  if (item.class !== null && item.class !== 'live') return `: ${whyNotLive[item.class]}`;
  const begun = spans.filter(({ since }) => since <= item.created_at);
  if (begun.length === 0) return ': it came before that was switched on';
  if (begun.every(({ until }) => until !== null && until <= item.created_at)) return ': the automation was paused then';
  if (item.unconfirmed && !trigger.alsoUnconfirmed) return ': its sender could not be confirmed';
  if (item.kind === 'personal' || kinds.some((kind) => startsFor(trigger, kind))) return '';
  const also = trigger.alsoFor.map((kind) => kindNames[kind].all);
  const only = ['mail that a person wrote', ...also].join(', ').replace(/, ([^,]*)$/, ' and $1');
  return `: it is ${kindNames[item.kind].one}, and that starts only for ${only}`;
}

import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { visibleTo } from './visibility-sql.ts';

/** When the newest email that the viewer may see is from, over a row of contact named `contact`; null without one. */
export function lastEmailAt(viewer: Pick<Viewer, 'userId'>): RawBuilder<Date | null> {
  return sql<Date | null>`(
    select newest.at from log_item newest
    where newest.account_id = contact.account_id and newest.contact_id = contact.id and newest.kind = 'email_sync'
      and ${visibleTo(viewer, 'newest')}
    order by newest.at desc, newest.id desc limit 1)`;
}

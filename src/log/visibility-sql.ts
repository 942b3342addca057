import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';

/**
 * visibility() as a predicate over a row of log_item, which the query calls `item`: for lists, counts and maxima. Items that are no emails
 * are visible to every member. Change both together; visibility.test.ts compares them.
 */
export function visibleTo(viewer: Pick<Viewer, 'userId'>, item = 'log_item'): RawBuilder<boolean> {
  const li = (column: string) => sql.ref(`${item}.${column}`);
  return sql<boolean>`(${li('message_id')} is null or coalesce((
    select case when ${li('matched_role')} = 'bcc'
      then bool_or(copy_of.user_id = ${viewer.userId} and exists (
        select from message_participant blind
        where blind.account_id = seen.account_id and blind.message_id = seen.message_id and blind.role = 'bcc'
          and blind.connection_id = seen.connection_id
          and ${li('matched_address')} in (blind.address, blind.address_key)))
      else coalesce(bool_or(copy_of.user_id = ${viewer.userId}), false) or bool_and(copy_of.sharing = 'everything')
    end
    from sighting seen
    join connection copy_of on copy_of.account_id = seen.account_id and copy_of.id = seen.connection_id
    where seen.account_id = ${li('account_id')} and seen.message_id = ${li('message_id')}), false))`;
}

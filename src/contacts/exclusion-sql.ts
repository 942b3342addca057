import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/**
 * The exclusion that keeps a contact's address out of the mailboxes of a user, as a subquery with its id, kind, value and user_id: at most one row. The
 * account's come before the user's own, the narrower before the wider. `address` is an address key and `user` a user's id, both as SQL; `user` null: only the
 * account's. An account without exclusions pays one look into an index.
 */
export function exclusionOf(
  accountId: string,
  address: RawBuilder<string>,
  user: RawBuilder<string | null>,
): RawBuilder<unknown> {
  return sql`(
    select e.id, e.kind, e.value, e.user_id
    from (
      select ${address} as value
      union all
      select array_to_string(labels[at:], '.')
      from (select string_to_array(split_part(${address}, '@', -1), '.') as labels) domain, generate_subscripts(labels, 1) at
    ) covering
    join exclusion e on e.account_id = ${accountId} and e.value = covering.value and e.removed_at is null
      and (e.user_id is null or e.user_id = ${user})
    where exists (select from exclusion one where one.account_id = ${accountId} and one.removed_at is null)
    order by e.user_id nulls first, length(e.value) desc
    limit 1)`;
}

/** Whether an exclusion's value covers an address key, both as SQL: for one value and many addresses. */
export function covers(value: RawBuilder<string>, address: RawBuilder<string>): RawBuilder<boolean> {
  return sql<boolean>`(${address} = ${value} or right('.' || split_part(${address}, '@', -1), length(${value}) + 1) = '.' || ${value})`;
}

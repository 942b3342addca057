import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/** What a contact is called, over a row of contact named `contact`: the names, else the company, else the first address, else "No name". */
export function displayName(contact = 'contact'): RawBuilder<string> {
  const name = named(contact, sql`trim(${of(contact, 'first_name')} || ' ' || ${of(contact, 'last_name')})`);
  return sql<string>`coalesce(nullif(${name}, ''), 'No name')`;
}

/** What contacts are sorted by: as displayName(), but the last name first, and without case. */
export function sortName(contact = 'contact'): RawBuilder<string> {
  return sql<string>`lower(${named(contact, sql`trim(${of(contact, 'last_name')} || ' ' || ${of(contact, 'first_name')})`)})`;
}

function named(contact: string, names: RawBuilder<unknown>): RawBuilder<string> {
  return sql<string>`coalesce(nullif(${names}, ''), nullif(${of(contact, 'company')}, ''), (
    select first_address.address from contact_address first_address
    where first_address.account_id = ${of(contact, 'account_id')} and first_address.contact_id = ${of(contact, 'id')}
    order by first_address.position, first_address.address_key limit 1), '')`;
}

function of(contact: string, column: string) {
  return sql.ref(`${contact}.${column}`);
}

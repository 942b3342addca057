import { sql } from 'kysely';
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { ContactDeps, Who } from './deps.ts';
import { exclusionOf } from './exclusion-sql.ts';
import type { Exclusion } from './exclusions.ts';
import { displayName } from './name.ts';

interface Named {
  id: string;
  name: string;
}

export interface Contact {
  id: string;
  firstName: string;
  lastName: string;
  company: string;
  /** The names, else the company, else the first address, else "No name". */
  name: string;
  /** The first is the primary one. */
  addresses: string[];
  /** Those addresses whose mail is kept out: by the account, or in the viewer's own mailboxes. */
  exclusions: ({ address: string } & Pick<Exclusion, 'id' | 'kind' | 'value' | 'scope'>)[];
  owner: Named | null;
  stage: Named | null;
  tags: Named[];
  segments: Named[];
  leadScore: number;
  createdAt: Date;
  updatedAt: Date;
  /** The newest email that the viewer may see. */
  lastEmailAt: Date | null;
}

/** One contact as `who` sees it. Throws AppError 'not_found'. */
export async function loadContact(
  db: Db | Trx,
  deps: Pick<ContactDeps, 'lastEmailAt'>,
  who: Who,
  contactId: string,
): Promise<Contact> {
  const [contact] = await loadContacts(db, deps, who, [contactId]);
  if (!contact) throw noContact();
  return contact;
}

/** These contacts, in the order of the ids; one that isn't there is left out. One query. */
export async function loadContacts(
  db: Db | Trx,
  deps: Pick<ContactDeps, 'lastEmailAt'>,
  who: Who,
  contactIds: readonly string[],
): Promise<Contact[]> {
  if (contactIds.length === 0) return [];
  const rows = await db
    .selectFrom('contact')
    .where('contact.account_id', '=', who.accountId)
    .where('contact.id', 'in', contactIds)
    .where('contact.merged_into', 'is', null)
    .where('contact.deleted_at', 'is', null)
    .select([
      'contact.id',
      'contact.first_name as firstName',
      'contact.last_name as lastName',
      'contact.company',
      'contact.lead_score as leadScore',
      'contact.created_at as createdAt',
      'contact.updated_at as updatedAt',
      displayName().as('name'),
      deps.lastEmailAt(who).as('lastEmailAt'),
      sql<string[]>`array(select a.address from contact_address a
        where a.account_id = contact.account_id and a.contact_id = contact.id order by a.position, a.address_key)`.as(
        'addresses',
      ),
      sql<
        Contact['exclusions']
      >`coalesce((select json_agg(json_build_object('address', a.address, 'id', e.id, 'kind', e.kind, 'value', e.value,
          'scope', case when e.user_id is null then 'account' else 'personal' end) order by a.position, a.address_key)
        from contact_address a, lateral ${exclusionOf(who.accountId, sql`a.address_key`, sql`${who.userId}::uuid`)} e
        where a.account_id = contact.account_id and a.contact_id = contact.id), '[]')`.as('exclusions'),
    ])
    .select((eb) => [
      jsonObjectFrom(
        eb.selectFrom('user').whereRef('user.id', '=', 'contact.owner_id').select(['user.id', 'user.name']),
      ).as('owner'),
      jsonObjectFrom(
        eb
          .selectFrom('stage')
          .whereRef('stage.account_id', '=', 'contact.account_id')
          .whereRef('stage.id', '=', 'contact.stage_id')
          .select(['stage.id', 'stage.name']),
      ).as('stage'),
      jsonArrayFrom(
        eb
          .selectFrom('contact_tag as ct')
          .innerJoin('tag', (join) =>
            join.onRef('tag.account_id', '=', 'ct.account_id').onRef('tag.id', '=', 'ct.tag_id'),
          )
          .whereRef('ct.account_id', '=', 'contact.account_id')
          .whereRef('ct.contact_id', '=', 'contact.id')
          .orderBy(sql`lower(tag.name)`)
          .select(['tag.id', 'tag.name']),
      ).as('tags'),
      jsonArrayFrom(
        eb
          .selectFrom('contact_segment as cs')
          .innerJoin('segment', (join) =>
            join.onRef('segment.account_id', '=', 'cs.account_id').onRef('segment.id', '=', 'cs.segment_id'),
          )
          .whereRef('cs.account_id', '=', 'contact.account_id')
          .whereRef('cs.contact_id', '=', 'contact.id')
          .orderBy(sql`lower(segment.name)`)
          .select(['segment.id', 'segment.name']),
      ).as('segments'),
    ])
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return contactIds.flatMap((id) => byId.get(id) ?? []);
}

/**
 * Locks a contact for a change of its fields, or as a whole (then nothing may refer to it anew: for its deletion). Throws AppError
 * 'not_found'.
 */
export async function lockContact(
  trx: Trx,
  accountId: string,
  contactId: string,
  what: 'fields' | 'whole',
): Promise<void> {
  const query = trx
    .selectFrom('contact')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', '=', contactId)
    .where('merged_into', 'is', null)
    .where('deleted_at', 'is', null);
  const row = await (what === 'whole' ? query.forUpdate() : query.forNoKeyUpdate()).executeTakeFirst();
  if (!row) throw noContact();
}

export function noContact(): AppError {
  return new AppError('not_found', 'There is no such contact. It may have been deleted.');
}

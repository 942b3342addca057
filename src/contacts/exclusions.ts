import { sql } from 'kysely';
import { requireRole } from '../accounts/require-role.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { decodeCursor, encodeCursor } from '../db/keyset.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { ContactDeps } from './deps.ts';
import { covers } from './exclusion-sql.ts';
import { readExclusion } from './read-exclusion.ts';
import { lockContactAddresses } from './match.ts';
import { ownAddressKeys } from './own-addresses.ts';

/** Whose mailboxes it is about: all of the account's, or those of the user who made it. */
export type ExclusionScope = 'account' | 'personal';

export interface Exclusion {
  id: string;
  scope: ExclusionScope;
  /** A domain covers its subdomains; an own domain makes colleagues of everybody there. */
  kind: 'address' | 'domain' | 'own_domain';
  /** As matching sees it: lower case, without plus-tag, domain in ASCII. */
  value: string;
  addedBy: { id: string; name: string } | null;
  addedAt: Date;
}

export interface NewExclusion {
  scope: ExclusionScope;
  /** An address or a domain, as people write it. */
  value: string;
  ownDomain?: boolean;
  /** Exclude a domain although everybody can have an address there. */
  evenIfPublic?: boolean;
}

type Asker = Pick<Viewer, 'accountId' | 'userId' | 'role'>;

/** A page of the account's exclusions, or of the viewer's own, by value. Throws AppError 'invalid' for a strange cursor. */
export async function listExclusions(
  db: Db | Trx,
  { accountId, userId }: Asker,
  scope: ExclusionScope,
  page: { cursor?: string; limit: number },
): Promise<{ items: Exclusion[]; nextCursor: string | null }> {
  const order = `exclusions:${scope}`;
  let query = selectExclusions(db, accountId)
    .where('e.user_id', scope === 'account' ? 'is' : '=', scope === 'account' ? null : userId)
    .orderBy('e.value')
    .limit(page.limit + 1);
  if (page.cursor) {
    const [value] = decodeCursor(order, ['text'], page.cursor);
    query = query.where('e.value', '>', value!);
  }
  const rows = await query.execute();
  const shown = rows.slice(0, page.limit);
  return {
    items: shown.map(asExclusion),
    nextCursor: rows.length > shown.length ? encodeCursor(order, [shown.at(-1)!.value]) : null,
  };
}

/**
 * Excludes an address or a domain from now on; what is logged stays. Takes the account's address lock. Throws AppError 'forbidden' (the account's are for admins), 'invalid' (neither address nor
 * domain), 'own_address' (never matches anyway), 'public_mail_domain' (see NewExclusion; never an own domain), 'conflict' (is there already).
 */
export async function addExclusion(
  db: Db,
  deps: {
    /** Whether everybody can have an address at this domain. */
    isPublicDomain(domain: string): boolean;
  },
  viewer: Asker,
  wanted: NewExclusion,
): Promise<Exclusion> {
  const { accountId, userId } = viewer;
  if (wanted.scope === 'account') requireRole(viewer, 'admin');
  const { kind, value } = readExclusion(wanted, deps.isPublicDomain);
  return await db.transaction().execute(async (trx) => {
    await lockContactAddresses(trx, accountId, 'exclusive');
    if (kind === 'address' && (await ownAddressKeys(trx, accountId)).has(value)) {
      throw new AppError(
        'own_address',
        `${value} is an address of your own account: it never matches a contact anyway.`,
      );
    }
    const { rows } = await sql<{ id: string }>`
      insert into exclusion (account_id, user_id, kind, value, created_by)
      values (${accountId}, ${wanted.scope === 'account' ? null : userId}, ${kind}, ${value}, ${userId})
      on conflict do nothing returning id`.execute(trx);
    if (!rows[0]) throw alreadyThere(value);
    await tell(trx, accountId);
    return await loadExclusion(trx, accountId, rows[0].id);
  });
}

/**
 * Removes an exclusion. The mail since the connections' start that it had kept out is found, fetched and logged as late contact, so it fires nothing: `due` messages
 * are to be fetched, `logged` were there already because of others. Throws AppError 'not_found', 'forbidden'.
 */
export async function removeExclusion(
  db: Db,
  deps: Pick<ContactDeps, 'findLateMail'>,
  viewer: Asker,
  id: string,
): Promise<{ due: number; logged: number }> {
  return await db.transaction().execute(async (trx) => {
    await lockContactAddresses(trx, viewer.accountId, 'exclusive');
    const { value } = await requireMine(trx, viewer, id, false);
    await setRemoved(trx, viewer.accountId, id, true);
    await tell(trx, viewer.accountId);
    return await deps.findLateMail(trx, viewer.accountId, await contactsAt(trx, viewer.accountId, value));
  });
}

/** Undoes a removal. Throws AppError 'not_found', 'forbidden', 'conflict' (the same was added meanwhile). */
export async function restoreExclusion(db: Db, viewer: Asker, id: string): Promise<Exclusion> {
  return await db.transaction().execute(async (trx) => {
    await lockContactAddresses(trx, viewer.accountId, 'exclusive');
    const { value, user_id: user } = await requireMine(trx, viewer, id, true);
    const { rows: same } = await sql`
      select from exclusion where account_id = ${viewer.accountId} and value = ${value} and user_id is not distinct from ${user}
        and removed_at is null`.execute(trx);
    if (same.length > 0) throw alreadyThere(value);
    await setRemoved(trx, viewer.accountId, id, false);
    await tell(trx, viewer.accountId);
    return await loadExclusion(trx, viewer.accountId, id);
  });
}

/** Domains of connected mailboxes and sign-ins that may be the account's own, by how many addresses are there; never public ones. */
export async function proposedOwnDomains(
  db: Db | Trx,
  isPublicDomain: (domain: string) => boolean,
  accountId: string,
): Promise<string[]> {
  const counts = new Map<string, number>();
  for (const key of await ownAddressKeys(db, accountId)) {
    const domain = key.slice(key.lastIndexOf('@') + 1);
    if (!domain.startsWith('[') && !isPublicDomain(domain)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  if (counts.size === 0) return [];
  const { rows } = await sql<{ domain: string }>`
    select domain from unnest(${[...counts.keys()]}::text[]) domain where not exists (
      select from exclusion e where e.account_id = ${accountId} and e.user_id is null and e.removed_at is null
        and e.kind <> 'address' and ${covers(sql`e.value`, sql`domain`)})`.execute(db);
  return rows.map(({ domain }) => domain).sort((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1));
}

function selectExclusions(db: Db | Trx, accountId: string) {
  return db
    .selectFrom('exclusion as e')
    .leftJoin('user as u', 'u.id', 'e.created_by')
    .where('e.account_id', '=', accountId)
    .where('e.removed_at', 'is', null)
    .select(['e.id', 'e.user_id', 'e.kind', 'e.value', 'e.created_by', 'u.name', 'e.created_at']);
}

type Row = Awaited<ReturnType<ReturnType<typeof selectExclusions>['executeTakeFirstOrThrow']>>;

function asExclusion(row: Row): Exclusion {
  return {
    id: row.id,
    scope: row.user_id === null ? 'account' : 'personal',
    kind: row.kind,
    value: row.value,
    addedBy: row.created_by === null ? null : { id: row.created_by, name: row.name ?? '' },
    addedAt: row.created_at,
  };
}

async function loadExclusion(trx: Trx, accountId: string, id: string): Promise<Exclusion> {
  return asExclusion(await selectExclusions(trx, accountId).where('e.id', '=', id).executeTakeFirstOrThrow());
}

/** Another user's personal one isn't there for the viewer. */
async function requireMine(trx: Trx, viewer: Asker, id: string, removed: boolean) {
  const row = await trx
    .selectFrom('exclusion')
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', id)
    .where('removed_at', removed ? 'is not' : 'is', null)
    .where((eb) => eb.or([eb('user_id', 'is', null), eb('user_id', '=', viewer.userId)]))
    .select(['value', 'user_id'])
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such exclusion. It may have been removed.');
  if (row.user_id === null) requireRole(viewer, 'admin');
  return row;
}

async function setRemoved(trx: Trx, accountId: string, id: string, removed: boolean): Promise<void> {
  await sql`update exclusion set removed_at = case when ${removed} then now() end
    where account_id = ${accountId} and id = ${id}`.execute(trx);
}

async function contactsAt(trx: Trx, accountId: string, value: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct contact_id as id from contact_address
    where account_id = ${accountId} and ${covers(sql`${value}::text`, sql`address_key`)}`.execute(trx);
  return rows.map(({ id }) => id);
}

/** What screens show of contacts has changed, too. */
async function tell(trx: Trx, accountId: string): Promise<void> {
  await notify(trx, 'letterlog_change', { accountId, kind: 'contact' });
}

function alreadyThere(value: string): AppError {
  return new AppError('conflict', `${value} is excluded here already.`, {
    details: [{ path: 'value', message: 'is excluded already' }],
  });
}

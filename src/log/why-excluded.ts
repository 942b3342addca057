import { sql } from 'kysely';
import type { Viewer } from '../accounts/viewer.ts';
import { shownExclusion } from '../contacts/read-exclusion.ts';
import { displayName } from '../contacts/name.ts';
import type { Db, Trx } from '../db/open.ts';

/** A contact who took part in a sighting and was excluded in its mailbox when it was decided. */
export interface WhyExcluded {
  /** Of own mailboxes only; null also when it is no contact any more. */
  contact: { id: string; name: string; address: string } | null;
  /** Null: a personal one of the mailbox's owner, which only they are told. */
  exclusion: { kind: 'address' | 'domain' | 'own_domain'; value: string; scope: 'account' | 'personal' } | null;
  removed: boolean;
}

/** As many of one answer as are named. */
const most = 500;
const mostNamed = 5;

/**
 * Who was excluded, by the sighting's id. The mailbox's owner is told everything; an admin the account's exclusions, but neither people nor personal exclusions,
 * and nothing of who stands in Bcc only: that belongs to the copy's owner (spec, section 5, Seeing).
 */
export async function loadExcluded(
  db: Db | Trx,
  viewer: Pick<Viewer, 'accountId'>,
  sightings: readonly { id: string; own: boolean }[],
): Promise<Map<string, WhyExcluded[]>> {
  const found = new Map<string, WhyExcluded[]>();
  if (sightings.length === 0) return found;
  const own = new Map(sightings.map((sighting) => [sighting.id, sighting.own]));
  const rows = await db
    .selectFrom('sighting_exclusion as x')
    .innerJoin('exclusion as e', (join) =>
      join.onRef('e.account_id', '=', 'x.account_id').onRef('e.id', '=', 'x.exclusion_id'),
    )
    .leftJoin('contact_address as a', (join) =>
      join.onRef('a.account_id', '=', 'x.account_id').onRef('a.hash', '=', 'x.hash'),
    )
    .leftJoin('contact', (join) =>
      join.onRef('contact.account_id', '=', 'a.account_id').onRef('contact.id', '=', 'a.contact_id'),
    )
    .where('x.account_id', '=', viewer.accountId)
    .where(sql<boolean>`x.sighting_id = any(${[...own.keys()]}::bigint[])`)
    .orderBy('x.sighting_id')
    .orderBy('a.address')
    .limit(most)
    .select(['x.sighting_id', 'x.blind', 'e.kind', 'e.value', 'e.user_id', 'e.removed_at', 'a.contact_id', 'a.address'])
    .select(displayName().as('name'))
    .execute();
  for (const row of rows) {
    const mine = own.get(row.sighting_id)!;
    if (row.blind && !mine) continue;
    const scope = row.user_id === null ? 'account' : 'personal';
    const entry: WhyExcluded = {
      contact:
        mine && row.contact_id !== null ? { id: row.contact_id, name: row.name ?? '', address: row.address! } : null,
      exclusion: mine || scope === 'account' ? { kind: row.kind, value: row.value, scope } : null,
      removed: row.removed_at !== null,
    };
    found.set(row.sighting_id, [...(found.get(row.sighting_id) ?? []), entry]);
  }
  return found;
}

/** The same in sentences: who was left out, and by which exclusion. */
export function explainExcluded(excluded: readonly WhyExcluded[]): string {
  const reasons = [...new Set(excluded.map(reason))];
  return reasons.map((why) => `${who(excluded.filter((one) => reason(one) === why))} left out: ${why}.`).join(' ');
}

function reason({ exclusion, removed }: WhyExcluded): string {
  const since = removed ? ' (removed since)' : '';
  if (exclusion === null) return `the mailbox's owner has an exclusion of their own${since}`;
  const value = shownExclusion(exclusion.value);
  if (exclusion.kind === 'own_domain') return `${value} is one of the account's own domains${since}`;
  return exclusion.scope === 'account' ? `the account excludes ${value}${since}` : `you exclude ${value}${since}`;
}

function who(entries: readonly WhyExcluded[]): string {
  const named = entries.flatMap(({ contact }) => contact ?? []);
  if (named.length === 0) return entries.length === 1 ? 'One contact was' : `${entries.length} contacts were`;
  const names = named
    .slice(0, mostNamed)
    .map(({ name, address }) => (name === address ? name : `${name} (${address})`));
  const rest = entries.length - names.length;
  const list = rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
  return `${list} ${entries.length === 1 ? 'was' : 'were'}`;
}

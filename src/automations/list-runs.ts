import { sql } from 'kysely';
import type { Db } from '../db/open.ts';
import { labelOf, referencesOf } from './actions/registry.ts';
import type { Graph } from './map.ts';
import { loadNames } from './names.ts';

/** A contact's way through a map, as its record shows it. */
export interface ContactRun {
  id: string;
  map: { id: string; name: string };
  state: 'running' | 'waiting' | 'ended' | 'failed';
  /** Where the contact stands, or stood at the end. */
  element: { id: string; label: string };
  /** Since when it stands there. */
  since: Date;
  dueAt: Date | null;
  /** Why it failed, for people. */
  error: string | null;
  startedAt: Date;
  endedAt: Date | null;
}

const most = 100;

/** The contact's latest runs (at most 100), those under way first. Empty for a contact that the account doesn't have. */
export async function listRunsOfContact(db: Db, accountId: string, contactId: string): Promise<ContactRun[]> {
  const rows = await db
    .selectFrom('run as r')
    .innerJoin('contact as c', (join) =>
      join.onRef('c.account_id', '=', 'r.account_id').onRef('c.id', '=', 'r.contact_id').on('c.deleted_at', 'is', null),
    )
    .innerJoin('map as m', (join) => join.onRef('m.account_id', '=', 'r.account_id').onRef('m.id', '=', 'r.map_id'))
    .innerJoin('map_version as v', (join) =>
      join
        .onRef('v.account_id', '=', 'r.account_id')
        .onRef('v.map_id', '=', 'r.map_id')
        .onRef('v.version', '=', 'r.version'),
    )
    .select(['r.id', 'r.state', 'r.element_id', 'r.since', 'r.due_at', 'r.error', 'r.started_at', 'r.ended_at'])
    .select(['m.id as map_id', 'm.name as map_name', 'v.graph'])
    .where('r.account_id', '=', accountId)
    .where('r.contact_id', '=', contactId)
    .orderBy(sql`r.state in ('running', 'waiting')`, 'desc')
    .orderBy('r.started_at', 'desc')
    .orderBy('r.id')
    .limit(most)
    .execute();
  const elementOf = (row: (typeof rows)[number]) =>
    (row.graph as Graph).elements.find(({ id }) => id === row.element_id);
  const nameOf = await loadNames(
    db,
    accountId,
    rows.flatMap((row) => referencesOf(elementOf(row) ?? { kind: '' })),
  );
  return rows.map((row) => {
    const element = elementOf(row);
    return {
      id: row.id,
      map: { id: row.map_id, name: row.map_name },
      state: row.state,
      element: { id: row.element_id, label: element ? labelOf(element, nameOf) : '' },
      since: row.since,
      dueAt: row.due_at,
      error: row.error,
      startedAt: row.started_at,
      endedAt: row.ended_at,
    };
  });
}

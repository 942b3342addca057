import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import type { ImpersonalKind } from '../mail/kinds.ts';
import type { Graph, TriggerKind } from './map.ts';
import { elementAfter } from './map.ts';

export interface PublishedTrigger {
  mapId: string;
  mapName: string;
  version: number;
  triggerId: string;
  firstElementId: string;
  /** What came before fires nothing. */
  liveSince: Date;
  /** What it fires for beside persons' mail. */
  alsoFor: ImpersonalKind[];
  /** It fires for mail whose sender failed the check too. */
  alsoUnconfirmed: boolean;
}

/** The triggers of a kind that listen now, in the account's published maps. One indexed read that finds nothing for most accounts. */
export async function listPublishedTriggers(
  db: Db | Trx,
  accountId: string,
  kind: TriggerKind,
): Promise<PublishedTrigger[]> {
  return triggersOf(await publishedMaps(db, accountId, kind).execute(), kind);
}

/** The same; their rows are held against deletion until the transaction ends: a map deleted meanwhile must not make the page fail. */
export async function holdPublishedTriggers(
  trx: Trx,
  accountId: string,
  kind: TriggerKind,
): Promise<PublishedTrigger[]> {
  return triggersOf(await publishedMaps(trx, accountId, kind).forKeyShare(['m', 'v']).execute(), kind);
}

function publishedMaps(db: Db | Trx, accountId: string, kind: TriggerKind) {
  return (
    db
      .selectFrom('map as m')
      .innerJoin('map_version as v', (join) =>
        join
          .onRef('v.account_id', '=', 'm.account_id')
          .onRef('v.map_id', '=', 'm.id')
          .onRef('v.version', '=', 'm.version'),
      )
      // Each trigger's own: others of its map may have been added later (spec, section 5, When it is evaluated).
      .innerJoin('listening_span as l', (join) =>
        join.onRef('l.account_id', '=', 'm.account_id').onRef('l.map_id', '=', 'm.id').on('l.until', 'is', null),
      )
      .select(['m.id', 'm.name', 'v.version', 'v.graph', 'l.trigger_id', 'l.since'])
      .where('m.account_id', '=', accountId)
      .where('m.state', '=', 'published')
      .where(sql<boolean>`v.graph->'elements' @> ${JSON.stringify([{ kind }])}::jsonb`)
      .orderBy('m.id')
      .orderBy('l.trigger_id')
  );
}

function triggersOf(
  rows: readonly {
    id: string;
    name: string;
    version: number;
    graph: unknown;
    trigger_id: string;
    since: Date;
  }[],
  kind: TriggerKind,
): PublishedTrigger[] {
  return rows.flatMap((row) => {
    // Validated when it was published.
    const graph = row.graph as Graph;
    const trigger = graph.elements.find(({ id }) => id === row.trigger_id);
    if (trigger?.kind !== kind) return [];
    const first = elementAfter(graph, trigger.id);
    if (!first) return [];
    return [
      {
        mapId: row.id,
        mapName: row.name,
        version: row.version,
        triggerId: trigger.id,
        firstElementId: first.id,
        liveSince: row.since,
        alsoFor: trigger.alsoFor ?? [],
        alsoUnconfirmed: trigger.alsoUnconfirmed ?? false,
      },
    ];
  });
}

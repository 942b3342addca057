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
  return triggersOf(await publishedMaps(trx, accountId, kind).forKeyShare().execute(), kind);
}

function publishedMaps(db: Db | Trx, accountId: string, kind: TriggerKind) {
  return db
    .selectFrom('map as m')
    .innerJoin('map_version as v', (join) =>
      join
        .onRef('v.account_id', '=', 'm.account_id')
        .onRef('v.map_id', '=', 'm.id')
        .onRef('v.version', '=', 'm.version'),
    )
    .select(['m.id', 'm.name', 'v.version', 'v.graph', 'm.live_since'])
    .where('m.account_id', '=', accountId)
    .where('m.state', '=', 'published')
    .where(sql<boolean>`v.graph->'elements' @> ${JSON.stringify([{ kind }])}::jsonb`)
    .orderBy('m.id');
}

function triggersOf(
  maps: readonly { id: string; name: string; version: number; graph: unknown; live_since: Date | null }[],
  kind: TriggerKind,
): PublishedTrigger[] {
  return maps.flatMap((map) => {
    // Validated when it was published.
    const graph = map.graph as Graph;
    return graph.elements.flatMap((element) => {
      if (element.kind !== kind) return [];
      const first = elementAfter(graph, element.id);
      if (!first || !map.live_since) return [];
      return [
        {
          mapId: map.id,
          mapName: map.name,
          version: map.version,
          triggerId: element.id,
          firstElementId: first.id,
          liveSince: map.live_since,
          alsoFor: element.alsoFor ?? [],
          alsoUnconfirmed: element.alsoUnconfirmed ?? false,
        },
      ];
    });
  });
}

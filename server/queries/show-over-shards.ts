/** What all shards have to show for a statement, in the turns of the query that asks. */
import { type ShowContext, Shown, type ShowPart, type ShowStatement, type Turn } from '../../query/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import type { ShardMesh, ShowCall } from './plan-over-shards.ts';
import { nameShownPolicies } from './policy-names.ts';

export interface ShowPorts {
  readonly mesh: ShardMesh;
  readonly catalogue: CatalogueView;
}

export interface ShowRequest {
  readonly database: string;
  /** ns. */
  readonly now: bigint;
  readonly signal: AbortSignal;
  readonly turn: Turn;
}

/** Rejects with QueryError, or with the signal's reason. */
export async function showOverShards(
  asked: ShowStatement,
  { database, now, signal, turn }: ShowRequest,
  { mesh, catalogue }: ShowPorts,
): Promise<Shown> {
  const statement = nameShownPolicies(asked, database, catalogue);
  const context: ShowContext = { database, defaultRetentionPolicy: '', now };
  const shown = new Shown();
  await Promise.all(
    mesh.nearLast.map(async (shard) => {
      const call: ShowCall = { shard, statement, context };
      for await (const parts of mesh.stream<readonly ShowPart[]>(shard, 'show', call, signal)) {
        shown.add(parts);
        const wait = turn();
        if (wait !== null) await wait;
      }
    }),
  );
  return shown;
}

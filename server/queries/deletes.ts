/**
 * DELETE, DROP SERIES and DROP MEASUREMENT over all shards: first every shard is asked whether it can do it, then one entry goes into
 * the stream of each. So a statement is refused before anything is deleted, and done everywhere once it is in the streams.
 */
import type { ControlEntry } from '../../model/index.ts';
import {
  type DeletionStatement,
  deletedRows,
  deletionText,
  namesSeries,
  QueryError,
  type Statement,
} from '../../query/index.ts';
import type { ShardStore } from '../../storage/index.ts';
import type { ShardMesh } from './plan-over-shards.ts';

/**
 * Deletes that one bucket may have to hide until it is written anew: every read of the bucket looks at all of them. Retention
 * policies and deletes of whole measurements cost none.
 */
const TOMBSTONES_PER_BUCKET_MAX = 1000;

export interface CheckDeleteCall {
  readonly shard: number;
  readonly statement: string;
  readonly database: string;
}

export interface DeleteVerdict {
  /** Why it cannot be deleted; null = it can. */
  readonly refused: string | null;
}

export interface DeletePorts {
  readonly mesh: ShardMesh;
  /** Puts an entry into the stream of every shard; resolves when all have applied it. */
  readonly control: (entry: ControlEntry) => Promise<unknown>;
}

/** Resolves when no read finds the rows any more. Throws QueryError. */
export async function deleteOverShards(
  asked: DeletionStatement | Extract<Statement, { kind: 'drop measurement' }>,
  database: string,
  now: bigint,
  { mesh, control }: DeletePorts,
): Promise<void> {
  if (asked.kind === 'drop measurement') {
    await control({ type: 'drop measurement', database, measurement: asked.measurement });
    return;
  }
  const statement = deletionText(asked, now);
  const verdicts = await mesh.callAll<DeleteVerdict>(
    'check delete',
    (shard) => ({ shard, statement, database }) satisfies CheckDeleteCall,
  );
  for (const { refused } of verdicts) if (refused !== null) throw new QueryError('invalid', refused);
  await control({ type: 'delete', database, statement });
}

/** On a shard. */
export function checkDelete(store: ShardStore, statement: string, database: string): DeleteVerdict {
  try {
    const found = deletedRows(statement, database, store, false);
    if (found.some(namesSeries) && store.stats().tombstonesPerBucket >= TOMBSTONES_PER_BUCKET_MAX) {
      const refused = `more than ${TOMBSTONES_PER_BUCKET_MAX} deletes wait to be applied to one file: try again later`;
      return { refused };
    }
    return { refused: null };
  } catch (error) {
    if (error instanceof QueryError) return { refused: error.message };
    throw error;
  }
}

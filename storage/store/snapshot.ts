/**
 * A snapshot of a store: the sealed buckets that stood for everything up to one sequence, held until it is released: sealing, merging
 * and dropping go on beside it, but no file goes while it is held. Buckets come in an order in which they can be written again: of
 * two rows of one series and time the later bucket has the newer.
 */
import { StorageError } from '../error.ts';
import type { Head } from '../head/head.ts';
import type { MeasurementName } from '../head/types.ts';
import { PartitionMap } from './partition-map.ts';
import type { SealedBucket } from './sealed-bucket.ts';
import type { Tombstone } from './tombstones.ts';

/** Whoever removes without a pause is not waited for: his removals show in the snapshot, and its `removed` says so. */
const ROUNDS_MAX = 8;

/** Plain data. */
export interface SnapshotBucket extends MeasurementName {
  readonly id: number;
  readonly bytes: number;
  readonly rows: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** Rows that do not count: they were deleted. Series are the bucket's own numbers. */
  readonly hidden: readonly Tombstone[];
}

export interface SnapshotRequest {
  /** Only buckets with rows from behind this sequence; they may have older ones too. 0 = all. */
  readonly since: number;
  /** null = all. */
  readonly databases: readonly string[] | null;
}

/** How a store stands. */
export interface StoreState {
  readonly head: Head;
  readonly applied: number;
  readonly sealed: number;
  /** As StoreSnapshot.removed. */
  readonly removedAt: number;
  readonly isClosing: boolean;
}

/**
 * Seals what is not sealed yet, and once more where something was removed meanwhile; with a full disk it waits as the sealing does.
 * Throws StorageError `closed`.
 */
export async function takeSnapshot(
  { since, databases }: SnapshotRequest,
  now: () => StoreState,
  seal: () => Promise<void>,
): Promise<StoreSnapshot> {
  let due = now().applied;
  for (let round = 0; round < ROUNDS_MAX && now().sealed < due; round++) {
    while (now().sealed < due && !now().isClosing) await seal();
    due = now().removedAt;
  }
  // one turn from here on: the buckets are those of what is sealed
  const { head, sealed, removedAt, isClosing } = now();
  if (isClosing) throw new StorageError('closed', 'the store is being closed');
  const held: SealedBucket[] = [];
  for (const [name, measurement] of head.measurements()) {
    if (!(measurement.sealed instanceof PartitionMap) || databases?.includes(name.database) === false) continue;
    for (const bucket of measurement.sealed.all()) {
      if (since === 0 || (bucket.listed.sequence ?? since + 1) > since) held.push(bucket);
    }
  }
  const snapshot = new StoreSnapshot(sealed, removedAt, held);
  for (const bucket of held) bucket.hold();
  return snapshot;
}

export class StoreSnapshot {
  /** Every message up to it is in the buckets, none behind it. */
  readonly sequence: number;
  /** Sequence of the last message that removed anything; 0 = none did. A later position does not tell what has gone. */
  readonly removed: number;
  readonly buckets: readonly SnapshotBucket[];
  #held: readonly SealedBucket[];

  constructor(sequence: number, removed: number, held: readonly SealedBucket[]) {
    this.sequence = sequence;
    this.removed = removed;
    this.#held = held;
    this.buckets = held.map((bucket) => {
      const { listed } = bucket;
      const { id, bytes, rows, minTime, maxTime, database, retentionPolicy, measurement } = listed;
      const name = { database, retentionPolicy, measurement };
      return { ...name, id, bytes, rows, minTime, maxTime, hidden: bucket.hidden() };
    });
  }

  /** The bytes of one of the buckets. Throws StorageError, `corrupt` where they are not as they were written. */
  pieces(index: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    return this.#held[index].pieces();
  }

  /** May be called twice. */
  release(): void {
    for (const bucket of this.#held) bucket.letGo();
    this.#held = [];
  }
}

/**
 * A snapshot of a store: the sealed buckets that stood for everything up to one sequence, held until it is released: sealing, merging
 * and dropping go on beside it, but no file goes while it is held. Buckets come in an order in which they can be written again: of
 * two rows of one series and time the later bucket has the newer. Who holds the state at an earlier sequence comes to this one by
 * forgetting what was removed since (removals.ts) and taking the buckets that came since, and of the older ones what they still have of it.
 */
import { StorageError } from '../error.ts';
import type { Head } from '../head/head.ts';
import type { MeasurementName } from '../head/types.ts';
import { PartitionMap } from './partition-map.ts';
import type { Removal, Removals } from './removals.ts';
import type { SealedBucket } from './sealed-bucket.ts';
import type { Tombstone } from './tombstones.ts';

/** Whoever removes without a pause is not waited for: his removals show in the snapshot already, and are told again by the next. */
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
  /** Of its rows only these count, as far as they are not hidden; null = all. It is there for what was removed. */
  readonly only: readonly Tombstone[] | null;
}

/** What was removed, as this store has it: those of its older rows may be asked for that it says. */
export interface ReplacedRows {
  readonly database: string;
  /** null = all. */
  readonly retentionPolicy: string | null;
  readonly measurement: string | null;
  /** Both included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** As HeadScan.series; what is not in it came later. */
  readonly series: Uint8Array | null;
}

export interface SnapshotRequest {
  /** Only buckets with rows from behind this sequence; they may have older ones too. 0 = all. */
  readonly since: number;
  /** null = all. */
  readonly databases: readonly string[] | null;
  /** And all rows of these that are still there; absent = none. */
  readonly replaced?: readonly ReplacedRows[];
}

/** How a store stands. */
export interface StoreState {
  readonly head: Head;
  readonly applied: number;
  readonly sealed: number;
  readonly removals: Removals;
  readonly isClosing: boolean;
}

/**
 * Seals what is not sealed yet, and once more where something was removed meanwhile; with a full disk it waits as the sealing does.
 * Throws StorageError `closed`.
 */
export async function takeSnapshot(
  { since, databases, replaced = [] }: SnapshotRequest,
  now: () => StoreState,
  seal: () => Promise<void>,
): Promise<StoreSnapshot> {
  let due = now().applied;
  for (let round = 0; round < ROUNDS_MAX && now().sealed < due; round++) {
    while (now().sealed < due && !now().isClosing) await seal();
    due = now().removals.lastAt;
  }
  // one turn from here on: the buckets are those of what is sealed
  const { head, sealed, removals, isClosing } = now();
  if (isClosing) throw new StorageError('closed', 'the store is being closed');
  const held: HeldBucket[] = [];
  for (const [name, measurement] of head.measurements()) {
    if (!(measurement.sealed instanceof PartitionMap) || databases?.includes(name.database) === false) continue;
    for (const bucket of measurement.sealed.all()) {
      const isLater = since === 0 || (bucket.listed.sequence ?? since + 1) > since;
      const only = isLater ? null : chosen(bucket, replaced);
      if (only === null || only.length > 0) held.push({ bucket, hidden: bucket.hidden(), only });
    }
  }
  const told = removals.since(since)?.filter(({ database }) => databases?.includes(database) !== false) ?? null;
  const snapshot = new StoreSnapshot(sealed, told, held);
  for (const { bucket } of held) bucket.hold();
  return snapshot;
}

export class StoreSnapshot {
  /** Every message up to it is in the buckets, none behind it. */
  readonly sequence: number;
  /** What was removed behind the sequence asked for; null = that cannot be told. */
  readonly removals: readonly Removal[] | null;
  readonly buckets: readonly SnapshotBucket[];
  #held: readonly HeldBucket[];

  constructor(sequence: number, removals: readonly Removal[] | null, held: readonly HeldBucket[]) {
    this.sequence = sequence;
    this.removals = removals;
    this.#held = held;
    this.buckets = held.map(({ bucket: { listed }, hidden, only }) => {
      const { id, bytes, rows, minTime, maxTime, database, retentionPolicy, measurement } = listed;
      const name = { database, retentionPolicy, measurement };
      return { ...name, id, bytes, rows, minTime, maxTime, hidden, only };
    });
  }

  /** The bytes of one of the buckets. Throws StorageError, `corrupt` where they are not as they were written. */
  pieces(index: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    return this.#held[index].bucket.pieces();
  }

  /** May be called twice. */
  release(): void {
    for (const { bucket } of this.#held) bucket.letGo();
    this.#held = [];
  }
}

// private functions

type HeldBucket = Pick<SnapshotBucket, 'hidden' | 'only'> & { readonly bucket: SealedBucket };

/** The others of its rows may be older than those that the earlier state has. */
function chosen(bucket: SealedBucket, replaced: readonly ReplacedRows[]): readonly Tombstone[] {
  const { listed } = bucket;
  const rows = replaced.filter(
    ({ database, retentionPolicy, measurement }) =>
      database === listed.database &&
      (retentionPolicy ?? listed.retentionPolicy) === listed.retentionPolicy &&
      (measurement ?? listed.measurement) === listed.measurement,
  );
  return rows
    .map(({ minTime: min, maxTime: max, series }) => bucket.chosen({ min, max }, series))
    .filter((found) => found !== null);
}

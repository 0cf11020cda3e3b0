/**
 * A snapshot of a store: the sealed buckets that stood for everything up to one sequence, held until it is released: sealing, merging
 * and dropping go on beside it, but no file goes while it is held. Buckets come in an order in which they can be written again: of
 * two rows of one series and time the later bucket has the newer. Who holds the state at an earlier sequence comes to this one by
 * forgetting what was removed since (removals.ts) and taking the buckets that came since and those that have rows of what was removed.
 */
import { INT64_MAX, INT64_MIN } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import type { Head } from '../head/head.ts';
import type { MeasurementName } from '../head/types.ts';
import { PartitionMap } from './partition-map.ts';
import { hulls, type Removal, type Removals } from './removals.ts';
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
}

export interface SnapshotRequest {
  /** Only buckets with rows from behind this sequence; they may have older ones too. 0 = all. */
  readonly since: number;
  /** null = all. */
  readonly databases: readonly string[] | null;
  /** And all buckets that may have rows of these; absent = of none. */
  readonly replaced?: readonly Removal[];
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
  const wanted = hulls(replaced);
  for (const [name, measurement] of head.measurements()) {
    if (!(measurement.sealed instanceof PartitionMap) || databases?.includes(name.database) === false) continue;
    for (const bucket of measurement.sealed.all()) {
      const isLater = since === 0 || (bucket.listed.sequence ?? since + 1) > since;
      const removal = isLater ? undefined : wanted.find((one) => mayHave(bucket, one));
      if (isLater) held.push({ bucket, hidden: bucket.hidden() });
      else if (removal !== undefined) held.push({ bucket, hidden: [...bucket.hidden(), ...outside(removal)] });
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
    this.buckets = held.map(({ bucket: { listed }, hidden }) => {
      const { id, bytes, rows, minTime, maxTime, database, retentionPolicy, measurement } = listed;
      const name = { database, retentionPolicy, measurement };
      return { ...name, id, bytes, rows, minTime, maxTime, hidden };
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

type HeldBucket = { readonly bucket: SealedBucket; readonly hidden: readonly Tombstone[] };

/** Of a bucket that is there for what was removed only: its other rows may be older than those that the earlier state has. */
function outside({ minTime, maxTime }: Removal): Tombstone[] {
  return [
    { min: INT64_MIN, max: minTime - 1n, series: null },
    { min: maxTime + 1n, max: INT64_MAX, series: null },
  ];
}

function mayHave({ listed }: SealedBucket, { database, measurement, minTime, maxTime }: Removal): boolean {
  if (listed.database !== database || listed.measurement !== measurement) return false;
  return listed.minTime <= maxTime && listed.maxTime >= minTime;
}

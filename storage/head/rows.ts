/**
 * The rows of one measurement in one head, by partition. Given the rows of a batch and which of them are late, it puts each where it
 * belongs. When its head is sealed nothing is added to it any more, and it is read until it is released.
 */
import type { Batch, Column } from '../../model/index.ts';
import { type IncomingRows, PARTITION_BITS, Partition } from './partition.ts';
import type { TimeRange } from './row-layer.ts';

export class HeadRows {
  /** Distinct (series, time). */
  points = 0;
  lateRows = 0;
  /** Late rows that overwrote or completed a point of these rows; one that does so with a sealed point counts as a point of its own. */
  overwrittenRows = 0;
  readonly #partitions = new Map<bigint, Partition>();

  get bytes(): number {
    let total = 0;
    for (const partition of this.#partitions.values()) total += partition.bytes;
    return total;
  }

  get partitions(): Iterable<Partition> {
    return this.#partitions.values();
  }

  /** Rows of a batch with the shard's series numbers; `kept`: those that count, null = all; `late` are among them. */
  store(
    batch: Batch,
    columns: ReadonlyMap<string, Column>,
    series: Uint32Array,
    kept: Uint32Array | null,
    late: Uint32Array | null,
  ): void {
    const { rows, base, offsets } = batch;
    if (rows === 0) return;
    const { least, greatest } = extremes(offsets, rows);
    const first = (base + BigInt(least)) >> PARTITION_BITS;
    const last = (base + BigInt(greatest)) >> PARTITION_BITS;
    const isPlain = first === last && kept === null;
    if (isPlain && late === null) {
      const partition = this.#partition(first);
      partition.append(incoming(partition, batch, columns, series), rows);
      this.points += rows;
      return;
    }
    const isLate = new Uint8Array(rows);
    if (late !== null) for (const row of late) isLate[row] = 1;
    const candidates = kept ?? allRows(rows);
    const groups = isPlain ? new Map([[first, candidates]]) : byPartition(base, offsets, candidates);
    for (const [number, list] of groups) {
      const partition = this.#partition(number);
      const place = incoming(partition, batch, columns, series);
      const { ordered, behind } = parted(list, isLate);
      partition.gather(place, ordered);
      const added = partition.merge(place, behind);
      this.points += ordered.length + added;
      this.lateRows += behind.length;
      this.overwrittenRows += behind.length - added;
    }
  }

  /** Rows of these times, of the series given or all, are no more. */
  delete(range: TimeRange, series: Uint8Array | null): void {
    for (const [number, partition] of this.#partitions) {
      this.points -= partition.delete(range, series);
      if (partition.isEmpty) this.#partitions.delete(number);
    }
  }

  // private functions

  #partition(number: bigint): Partition {
    let partition = this.#partitions.get(number);
    if (partition === undefined) {
      partition = new Partition(number << PARTITION_BITS);
      this.#partitions.set(number, partition);
    }
    return partition;
  }
}

// private functions

function allRows(rows: number): Uint32Array {
  const list = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) list[row] = row;
  return list;
}

/** Rows in time and late ones, each in order. */
function parted(list: Uint32Array, isLate: Uint8Array): { ordered: Uint32Array; behind: Uint32Array } {
  const both = new Uint32Array(list.length);
  let ordered = 0;
  for (const row of list) if (isLate[row] === 0) both[ordered++] = row;
  let end = ordered;
  for (const row of list) if (isLate[row] === 1) both[end++] = row;
  return { ordered: both.subarray(0, ordered), behind: both.subarray(ordered) };
}

/** Of the rows themselves: the batch's own bounds are for whoever does not look at rows. */
function extremes(offsets: Float64Array, rows: number): { least: number; greatest: number } {
  let least = offsets[0];
  let greatest = least;
  for (let row = 1; row < rows; row++) {
    const offset = offsets[row];
    if (offset < least) least = offset;
    if (offset > greatest) greatest = offset;
  }
  return { least, greatest };
}

function incoming(
  partition: Partition,
  batch: Batch,
  columns: ReadonlyMap<string, Column>,
  series: Uint32Array,
): IncomingRows {
  return { series, offsets: batch.offsets, shift: Number(batch.base - partition.base), columns };
}

/** Rare: a batch that lies across the border of partitions, or lost rows. */
function byPartition(base: bigint, offsets: Float64Array, rows: Uint32Array): Map<bigint, Uint32Array> {
  const lists = new Map<bigint, number[]>();
  for (const row of rows) {
    const number = (base + BigInt(offsets[row])) >> PARTITION_BITS;
    const list = lists.get(number);
    if (list === undefined) lists.set(number, [row]);
    else list.push(row);
  }
  return new Map([...lists].map(([number, list]) => [number, Uint32Array.from(list)]));
}

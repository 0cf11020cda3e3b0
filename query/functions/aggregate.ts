/**
 * The contract of an aggregate's state: one state object holds the running values of one aggregate for many slots, as columns. A
 * slot is a (group, window) cell; whoever owns the slots decides what a number means. States are order-independent: whatever the
 * order in which rows and other states come in, `result` is the same, so that the number of shards and the order of arrival change
 * nothing. One file per function or small family implements it; `create.ts` chooses.
 */
import type { Column, Value } from '../../model/index.ts';

/** Some rows of one block and the slot of each. */
export interface RowSlice {
  readonly count: number;
  /** Row number of the k-th row, k < count; null = k itself. */
  readonly rows: Uint32Array | null;
  /** Slot of the k-th row, never negative. */
  readonly slots: Int32Array;
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** Of the aggregate's input type, or one that can be read as it. */
  readonly column: Column;
  /** Series number of each row of the block. */
  readonly series: Uint32Array;
  /** Key text of a series. */
  readonly keyOf: (series: number) => string;
  /** What else a chosen point carries: a reader by row for each of the plan's columns. */
  readonly carried: readonly ((row: number) => Value)[];
}

/** Stretches of rows of one block, the rows of each in order of time, and the slot of each. */
export interface RunSlice {
  readonly count: number;
  /** Rows from[i] up to, not including, to[i] are of slot slots[i], for i < count. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly slots: Int32Array;
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** These as in RowSlice. */
  readonly column: Column;
  readonly series: Uint32Array;
  readonly keyOf: (series: number) => string;
}

/** State of some slots as plain data: typed arrays and lists, entry i belongs to the i-th slot taken. */
export type StateData = Readonly<Record<string, StateArray>>;
export type StateArray = Float64Array | Uint32Array | Uint8Array | readonly Value[];

export interface ChosenPoint {
  readonly value: NonNullable<Value>;
  readonly high: number;
  readonly low: number;
  /** By the plan's columns. */
  readonly carried: readonly Value[];
}

export interface AggregateState {
  /** Makes room for slots 0 … slots − 1; those that are new are empty. */
  grow(slots: number): void;
  update(slice: RowSlice): void;
  /** The same for stretches, of rows that carry nothing; false, or not there = it has to be given them row by row. */
  updateRuns?(runs: RunSlice): boolean;
  /** Copies of the states of these slots. */
  take(slots: Int32Array): StateData;
  /** Values that a slot holds; not there = a few numbers. */
  weight?(slot: number): number;
  /** What `take` gives of one slot, in parts of at most so many values: merged one after the other they are the same. With `weight`. */
  takeParts?(slot: number, valuesMax: number): Generator<StateData>;
  /** Adds entry i of the data to slot slots[i]; −1 = leaves it out. */
  merge(data: StateData, slots: Int32Array): void;
  /** Makes a slot empty. */
  reset(slot: number): void;
  /** No value has come in. */
  empty(slot: number): boolean;
  /**
   * The slots of a group in windows, in the order of these, before anything is asked of them: what is chosen in one hangs on those before
   * it. In steps; not there = it hangs on nothing.
   */
  arrange?(slots: Int32Array): Iterable<null>;
  /** What `result` of a slot may take long for, in steps; not there = nothing. */
  settle?(slot: number): Generator<null>;
  /** null where empty, or where the function has none (stddev of one value). */
  result(slot: number): Value;
  /** Only top, bottom and sample: the chosen points of a slot in order of time. */
  points?(slot: number): readonly ChosenPoint[];
  /** Only `distinct`: all the values of a slot. */
  results?(slot: number): Value[];
  /** Only selectors: the time of the chosen point of a slot that is not empty. */
  time?(slot: number): bigint;
  /** Only selectors: what the chosen point carries. */
  carried?(slot: number, index: number): Value;
}

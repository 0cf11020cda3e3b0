/**
 * Batches in the making: typed arrays that grow and are used again for the next body. A batch that `finish` gives out leans on
 * them until `reset`. Fed by the decoder only.
 */
import { type Batch, type Column, FIELD_TYPES, type FieldType, type TextDictionary } from '../../model/index.ts';
import { grown, type KnownSeries } from './known-series.ts';
import type { SeriesLists } from './series-lists.ts';
import { type Allocation, TextBuilder } from './text-builder.ts';

/** Width of the time a batch spans, in seconds: largest whole number of them below OFFSET_MAX ns. */
export const SPAN_SECONDS = 4_503_599;
export const SPAN_NS = SPAN_SECONDS * 1e9;
const ROWS_MIN = 16;
/** A batch may have this many holes per value and … */
const SPARSE_FACTOR = 16;
/** … these, before it is closed and another begun: batches of points that share no fields would be mostly holes. */
const SPARSE_GRACE = 4096;

const FLOAT = FIELD_TYPES.indexOf('float');
const INTEGER = FIELD_TYPES.indexOf('integer');
const BOOLEAN = FIELD_TYPES.indexOf('boolean');
const STRING = FIELD_TYPES.indexOf('string');

/** One field. `kind` is the type's index in FIELD_TYPES. */
export class ColumnBuilder {
  readonly name: string;
  readonly kind: number;
  /** Rows up to and with the last that has a value. */
  filled = 0;
  capacity = 0;
  /** Rows below it are put into `doubles` and nowhere else: its capacity, 0 where it has another type, holes or wide integers. */
  plainRows = 0;
  doubles = new Float64Array(0);
  /** Booleans. */
  flags = new Uint8Array(0);
  /** Strings: numbers in `texts`. */
  codes = new Uint32Array(0);
  /** Integers once one of them is no safe integer. */
  wide: BigInt64Array | BigUint64Array | null = null;
  texts: TextBuilder | null = null;
  present: Uint8Array | null = null;
  #sparePresent: Uint8Array | null = null;
  readonly #allocation: Allocation;

  constructor(name: string, kind: number, allocation: Allocation) {
    this.name = name;
    this.kind = kind;
    this.#allocation = allocation;
    if (kind === STRING) this.texts = new TextBuilder(allocation);
  }

  reset(): void {
    this.filled = 0;
    this.wide = null;
    if (this.present !== null) this.#sparePresent = this.present;
    this.present = null;
    this.texts?.reset();
    this.#setPlainRows();
  }

  /** A number behind the last; false where it takes more than that. */
  putPlain(row: number, value: number): boolean {
    if (this.filled !== row || row >= this.plainRows) return false;
    this.filled = row + 1;
    this.doubles[row] = value;
    return true;
  }

  grow(row: number): void {
    const length = Math.max(ROWS_MIN, 2 * this.capacity, row + 1);
    this.#allocation.bytes += 9 * (length - this.capacity);
    this.capacity = length;
    if (this.kind === BOOLEAN) this.flags = grown(this.flags, length);
    else if (this.kind === STRING) this.codes = grown(this.codes, length);
    else this.doubles = grown(this.doubles, length);
    if (this.wide !== null) this.wide = grown(this.wide, length);
    if (this.present !== null) this.present = grown(this.present, length);
    this.#setPlainRows();
  }

  /** Rows [filled, row) have no value. */
  skipTo(row: number): void {
    if (row > this.capacity) this.grow(row);
    let present = this.present;
    if (present === null) {
      const spare = this.#sparePresent;
      present = this.present = spare !== null && spare.length >= this.capacity ? spare : new Uint8Array(this.capacity);
      present.fill(1, 0, this.filled);
    }
    present.fill(0, this.filled, row);
    this.plainRows = 0;
  }

  putWide(row: number, value: bigint): void {
    if (this.wide === null) {
      this.wide = this.kind === INTEGER ? new BigInt64Array(this.capacity) : new BigUint64Array(this.capacity);
      for (let i = 0; i < row; i++) this.wide[i] = BigInt(this.doubles[i]);
    }
    this.wide[row] = value;
    this.plainRows = 0;
  }

  finish(rows: number): Column {
    if (this.filled < rows) this.skipTo(rows);
    const { present } = this;
    const type: FieldType = FIELD_TYPES[this.kind];
    switch (type) {
      case 'float':
        return { type, values: this.doubles, present };
      case 'integer':
        return { type, values: (this.wide as BigInt64Array | null) ?? this.doubles, present };
      case 'unsigned':
        return { type, values: (this.wide as BigUint64Array | null) ?? this.doubles, present };
      case 'boolean':
        return { type, values: this.flags, present };
      case 'string':
        return { type, values: this.codes, dictionary: this.texts!.finish(), present };
    }
  }

  // private functions

  #setPlainRows(): void {
    const isNumber = this.kind !== BOOLEAN && this.kind !== STRING;
    this.plainRows = isNumber && this.present === null && this.wide === null ? this.capacity : 0;
  }
}

/** What the batch is of. */
export interface BatchOwner {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly name: string;
}

/** Rows of one measurement, shard and time span. */
export class BatchBuilder {
  readonly owner: BatchOwner;
  readonly shard: number;
  /** Different for every batch a decoder has ever begun. */
  number = 0;
  rows = 0;
  baseSeconds = 0;
  minOffset = Number.POSITIVE_INFINITY;
  maxOffset = Number.NEGATIVE_INFINITY;
  series = new Uint32Array(ROWS_MIN);
  offsets = new Float64Array(ROWS_MIN);
  /** By the measurement's number of the field. */
  bySlot: (ColumnBuilder | undefined)[] = [];
  columns: ColumnBuilder[] = [];
  /** Numbers in `KnownSeries` of the batch's series, in the order of their first rows. */
  members = new Uint32Array(ROWS_MIN);
  memberCount = 0;
  /** Series numbers where the entry's own note (`KnownSeries.batch`) is another batch's; null for the first batch of a shard. */
  locals: Map<number, number> | null = null;
  cells = 0;
  values = 0;
  #spare = new Map<string, ColumnBuilder>();
  readonly #keys: TextBuilder;
  readonly #allocation: Allocation;

  constructor(owner: BatchOwner, shard: number, allocation: Allocation) {
    this.owner = owner;
    this.shard = shard;
    this.#allocation = allocation;
    this.#keys = new TextBuilder(allocation);
  }

  reset(number: number, seconds: number): void {
    this.number = number;
    this.rows = 0;
    this.baseSeconds = Math.floor(seconds / SPAN_SECONDS) * SPAN_SECONDS;
    this.minOffset = Number.POSITIVE_INFINITY;
    this.maxOffset = Number.NEGATIVE_INFINITY;
    if (this.columns.length > 0) this.#spare.clear();
    for (const column of this.columns) this.#spare.set(column.name, column);
    this.columns = [];
    this.bySlot = [];
    this.memberCount = 0;
    this.cells = 0;
    this.values = 0;
  }

  openColumn(slot: number, name: string, kind: number): ColumnBuilder {
    let column = this.#spare.get(name);
    if (column !== undefined && column.kind === kind) column.reset();
    else column = new ColumnBuilder(name, kind, this.#allocation);
    this.bySlot[slot] = column;
    this.columns.push(column);
    this.cells += this.rows;
    return column;
  }

  grow(): void {
    const length = 2 * this.offsets.length;
    this.#allocation.bytes += 12 * this.offsets.length;
    this.series = grown(this.series, length);
    this.offsets = grown(this.offsets, length);
  }

  /** The batch's number of a series that is new to it. */
  addMember(series: number): number {
    const number = this.memberCount++;
    if (number === this.members.length) {
      this.#allocation.bytes += 4 * number;
      this.members = grown(this.members, 2 * number);
    }
    this.members[number] = series;
    return number;
  }

  /** So full of holes that another batch should be begun. */
  get sparse(): boolean {
    return this.cells > SPARSE_FACTOR * this.values + SPARSE_GRACE;
  }

  finish(known: KnownSeries, lists: SeriesLists | null): Batch {
    const base = BigInt(this.baseSeconds) * 1_000_000_000n;
    const columns = new Map<string, Column>();
    for (const column of this.columns) columns.set(column.name, column.finish(this.rows));
    const keptKeys = lists?.find(this.members, this.memberCount, known);
    const plainKeys = keptKeys === undefined ? this.#plainKeys(known) : null;
    return {
      database: this.owner.database,
      retentionPolicy: this.owner.retentionPolicy,
      measurement: this.owner.name,
      rows: this.rows,
      get seriesKeys() {
        return plainKeys ?? keptKeys!.texts();
      },
      keptKeys,
      series: this.series,
      base,
      offsets: this.offsets,
      minTime: base + BigInt(this.minOffset),
      maxTime: base + BigInt(this.maxOffset),
      columns,
    };
  }

  // private functions

  #plainKeys(known: KnownSeries): TextDictionary {
    const { bytes, keyFrom, keyTo } = known;
    this.#keys.reset();
    for (let i = 0; i < this.memberCount; i++) {
      const series = this.members[i];
      this.#keys.append(bytes, keyFrom[series], keyTo[series]);
    }
    return this.#keys.finish();
  }
}

/** Indexes in FIELD_TYPES, for the decoder's switches. */
export const KIND = { FLOAT, INTEGER, UNSIGNED: FIELD_TYPES.indexOf('unsigned'), BOOLEAN, STRING } as const;

/**
 * One field of a chunk: a typed array that grows with the chunk, and a presence map once a row lacks the field. A chunk's rows that
 * came before the field's first value, or after its last one, cost nothing until they must be shown (`view`).
 *
 * Appending never touches a row that is there: a longer array is a new one. Only `overwrite` does, and where a reader has pinned the
 * arrays it works on copies of its own from then on.
 */
import type { Column, FieldType, IntegerColumn, UnsignedColumn } from '../../model/index.ts';
import { ByteTable } from './byte-table.ts';

type Values = Float64Array | BigInt64Array | BigUint64Array | Uint8Array | Uint32Array;

export class ChunkColumn {
  readonly type: FieldType;
  #values: Values;
  #present: Uint8Array | null = null;
  /** Readers hold the arrays: they are copied before a row in them changes. */
  #isPinned = false;
  /** Rows below this have been written to, or are marked absent. */
  #filled = 0;
  readonly #texts: ByteTable | null;
  /** Texts of the batch under way → texts of the chunk. */
  #mapped: Uint32Array = new Uint32Array(0);

  constructor(type: FieldType) {
    this.type = type;
    this.#values = emptyValues(type);
    this.#texts = type === 'string' ? new ByteTable() : null;
  }

  get bytes(): number {
    return this.#values.byteLength + (this.#present?.byteLength ?? 0) + (this.#texts?.bytes ?? 0);
  }

  /** Text of a string column. */
  get textBytes(): number {
    return this.#texts?.textBytes ?? 0;
  }

  /** Rows from .. from + count of a column become rows at .. at + count; `at` is the chunk's end. `capacity` rows are reserved. */
  append(column: Column, from: number, count: number, at: number, capacity: number): void {
    const values = this.#begin(column, at, at + count, capacity);
    if (column.type === 'string') {
      const target = values as Uint32Array;
      for (let i = 0; i < count; i++) target[at + i] = this.#mapped[column.values[from + i]];
    } else if (isWide(values) === isWide(column.values)) {
      (values as Float64Array).set((column.values as Float64Array).subarray(from, from + count), at);
    } else {
      for (let i = 0; i < count; i++) if (column.present?.[from + i] !== 0) this.#put(column, from + i, at + i);
    }
    if (this.#present === null) return;
    if (column.present === null) this.#present.fill(1, at, at + count);
    else this.#present.set(column.present.subarray(from, from + count), at);
  }

  /** As `append`, for the rows listed. */
  gather(column: Column, rows: Uint32Array, at: number, capacity: number): void {
    const count = rows.length;
    const values = this.#begin(column, at, at + count, capacity);
    if (column.type === 'string') {
      const target = values as Uint32Array;
      for (let i = 0; i < count; i++) target[at + i] = this.#mapped[column.values[rows[i]]];
    } else if (!isWide(values) && !isWide(column.values)) {
      const target = values as Float64Array;
      const source = column.values as Float64Array;
      for (let i = 0; i < count; i++) target[at + i] = source[rows[i]];
    } else {
      for (let i = 0; i < count; i++) if (column.present?.[rows[i]] !== 0) this.#put(column, rows[i], at + i);
    }
    if (this.#present === null) return;
    for (let i = 0; i < count; i++) this.#present[at + i] = column.present === null ? 1 : column.present[rows[i]];
  }

  /** Row to[i] of the chunk, which has `rows`, takes the value of row from[i], where that has one. */
  overwrite(column: Column, from: readonly number[], to: readonly number[], rows: number): void {
    this.#cover(rows);
    if (this.#isPinned) this.#unpin();
    this.#widenFor(column);
    const present = this.#present;
    const isPlain = column.type !== 'string' && !isWide(this.#values);
    for (let i = 0; i < from.length; i++) {
      if (column.present?.[from[i]] === 0) continue;
      if (isPlain) this.#values[to[i]] = column.values[from[i]];
      else if (column.type !== 'string') this.#put(column, from[i], to[i]);
      else this.#values[to[i]] = this.#texts!.intern(column.dictionary, column.values[from[i]]);
      if (present !== null) present[to[i]] = 1;
    }
  }

  /** Row i takes the place of row order[i], in arrays of their own. */
  reorder(order: Uint16Array): void {
    const { values, present } = this.#cover(order.length);
    this.#values = reordered(values as Float64Array, order);
    this.#present = present === null ? null : reordered(present, order);
    this.#isPinned = false;
  }

  /** As `view`, and it stays as it is. */
  pin(rows: number): Column {
    const view = this.view(rows);
    this.#isPinned = true;
    return view;
  }

  /** As a column of `rows` rows, by reference. */
  view(rows: number): Column {
    const { present, values } = this.#cover(rows);
    switch (this.type) {
      case 'float':
        return { type: 'float', values: values as Float64Array, present };
      case 'integer':
        return { type: 'integer', values: values as IntegerColumn['values'], present };
      case 'unsigned':
        return { type: 'unsigned', values: values as UnsignedColumn['values'], present };
      case 'boolean':
        return { type: 'boolean', values: values as Uint8Array, present };
      case 'string':
        return { type: 'string', values: values as Uint32Array, dictionary: this.#texts!.dictionary(), present };
    }
  }

  // private functions

  /** Makes ready for values in [at, end): rows before are covered, the array is long and wide enough, texts are mapped. */
  #begin(column: Column, at: number, end: number, capacity: number): Values {
    this.#cover(at);
    this.#reserve(end, capacity);
    this.#widenFor(column);
    if (column.present !== null) this.#requirePresence();
    if (column.type === 'string') this.#mapTexts(column);
    this.#filled = end;
    return this.#values;
  }

  #unpin(): void {
    this.#values = this.#values.slice();
    this.#present = this.#present?.slice() ?? null;
    this.#isPinned = false;
  }

  /** Rows from `#filled` to `rows` are absent. */
  #cover(rows: number): { values: Values; present: Uint8Array | null } {
    if (this.#filled < rows) {
      this.#reserve(rows, rows);
      this.#requirePresence();
      this.#filled = rows;
    }
    return { values: this.#values, present: this.#present };
  }

  #requirePresence(): void {
    this.#present ??= new Uint8Array(this.#values.length).fill(1, 0, this.#filled);
  }

  #reserve(rows: number, capacity: number): void {
    if (rows <= this.#values.length) return;
    const length = Math.max(rows, capacity);
    const values = newValues(this.#values, length);
    (values as Float64Array).set(this.#values as Float64Array);
    this.#values = values;
    if (this.#present === null) return;
    const present = new Uint8Array(length);
    present.set(this.#present);
    this.#present = present;
  }

  #widenFor(column: Column): void {
    if (isWide(this.#values) || !isWide(column.values)) return;
    const old = this.#values as Float64Array;
    const values = column.type === 'unsigned' ? new BigUint64Array(old.length) : new BigInt64Array(old.length);
    for (let i = 0; i < this.#filled; i++) if (this.#present?.[i] !== 0) values[i] = BigInt(old[i]);
    this.#values = values;
  }

  #put(column: Column, from: number, at: number): void {
    const value = column.values[from];
    if (isWide(this.#values)) this.#values[at] = BigInt(value);
    else (this.#values as Float64Array)[at] = value as number;
  }

  #mapTexts(column: Column & { type: 'string' }): void {
    const { size } = column.dictionary;
    if (this.#mapped.length < size) this.#mapped = new Uint32Array(size);
    this.#texts!.internAll(column.dictionary, this.#mapped);
  }
}

// private functions

function emptyValues(type: FieldType): Values {
  if (type === 'string') return new Uint32Array(0);
  return type === 'boolean' ? new Uint8Array(0) : new Float64Array(0);
}

function newValues(like: Values, length: number): Values {
  if (like instanceof Float64Array) return new Float64Array(length);
  if (like instanceof BigInt64Array) return new BigInt64Array(length);
  if (like instanceof BigUint64Array) return new BigUint64Array(length);
  return like instanceof Uint32Array ? new Uint32Array(length) : new Uint8Array(length);
}

function reordered<T extends Float64Array | Uint8Array>(values: T, order: Uint16Array): T {
  const moved = newValues(values, order.length) as T;
  for (let i = 0; i < order.length; i++) moved[i] = values[order[i]];
  return moved;
}

function isWide(values: Values): values is BigInt64Array | BigUint64Array {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}

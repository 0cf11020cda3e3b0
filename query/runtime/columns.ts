/** Columns from values one by one, columns read as another type, and columns that came from another thread. */
import type { Column, FieldType, Value } from '../../model/index.ts';
import { TextDictionary } from '../../model/index.ts';
import { columnValue } from '../functions/selector.ts';

const ROWS_FIRST = 64;

/** Grows by appending; `finish` gives the column and starts a new one. */
export class ColumnBuilder {
  readonly #type: FieldType;
  #values: Float64Array | Uint8Array | Uint32Array;
  #present: Uint8Array | null = null;
  /** Integers beyond the safe ones, by row. */
  #wide: Map<number, bigint> | null = null;
  #texts = new Map<string, number>();
  #rows = 0;

  constructor(type: FieldType) {
    this.#type = type;
    this.#values = storage(type, ROWS_FIRST);
  }

  get rows(): number {
    return this.#rows;
  }

  push(value: Value): void {
    const row = this.#rows++;
    if (row >= this.#values.length) this.#grow();
    if (value === null) {
      this.#present ??= new Uint8Array(this.#values.length).fill(1);
      this.#present[row] = 0;
      return;
    }
    switch (typeof value) {
      case 'number':
        this.#values[row] = value;
        return;
      case 'boolean':
        this.#values[row] = value ? 1 : 0;
        return;
      case 'bigint':
        this.#wide ??= new Map();
        this.#wide.set(row, value);
        return;
      default:
        this.#values[row] = this.#textIndex(value);
    }
  }

  /** Appends these rows of a column of our type; null = rows without a value. */
  append(column: Column | null, rows: Uint32Array, count: number): void {
    if (column !== null && column.values instanceof Float64Array && column.present === null) {
      while (this.#rows + count > this.#values.length) this.#grow();
      for (let k = 0; k < count; k++) this.#values[this.#rows++] = column.values[rows[k]];
      return;
    }
    const read = columnReader(column);
    for (let k = 0; k < count; k++) this.push(read(rows[k]));
  }

  finish(): Column {
    const column = this.#column();
    this.#values = storage(this.#type, ROWS_FIRST);
    this.#present = null;
    this.#wide = null;
    this.#texts = new Map();
    this.#rows = 0;
    return column;
  }

  // private functions

  #column(): Column {
    const present = this.#present === null ? null : this.#present.slice(0, this.#rows);
    const values = this.#values.slice(0, this.#rows);
    switch (this.#type) {
      case 'float':
        return { type: 'float', values: values as Float64Array<ArrayBuffer>, present };
      case 'boolean':
        return { type: 'boolean', values: values as Uint8Array<ArrayBuffer>, present };
      case 'string':
        return {
          type: 'string',
          values: values as Uint32Array<ArrayBuffer>,
          dictionary: TextDictionary.of([...this.#texts.keys()]),
          present,
        };
      case 'unsigned':
        if (this.#wide === null) return { type: 'unsigned', values: values as Float64Array<ArrayBuffer>, present };
        return { type: 'unsigned', values: BigUint64Array.from(this.#wideValues(values)), present };
      default:
        if (this.#wide === null) return { type: 'integer', values: values as Float64Array<ArrayBuffer>, present };
        return { type: 'integer', values: BigInt64Array.from(this.#wideValues(values)), present };
    }
  }

  #wideValues(values: Float64Array | Uint8Array | Uint32Array): bigint[] {
    return Array.from(values, (value, row) => this.#wide?.get(row) ?? BigInt(value));
  }

  #textIndex(text: string): number {
    let index = this.#texts.get(text);
    if (index === undefined) {
      index = this.#texts.size;
      this.#texts.set(text, index);
    }
    return index;
  }

  #grow(): void {
    const longer = storage(this.#type, this.#values.length * 2);
    longer.set(this.#values);
    this.#values = longer;
    if (this.#present === null) return;
    const present = new Uint8Array(longer.length).fill(1);
    present.set(this.#present);
    this.#present = present;
  }
}

/** The column as values of another type; null where it cannot be read so. Numbers are cast, nothing else is. */
export function columnAs(column: Column, type: FieldType): Column | null {
  if (column.type === type) return column;
  if (!isNumber(column.type) || !isNumber(type)) return null;
  const source = column.values as Float64Array | BigInt64Array | BigUint64Array;
  const values = source instanceof Float64Array ? source : Float64Array.from(source, Number);
  if (type === 'float') return { type, values, present: column.present };
  const whole = column.type === 'float' ? values.map(Math.trunc) : values;
  if (type === 'integer') return { type, values: whole, present: column.present };
  return { type: 'unsigned', values: whole, present: column.present };
}

/** Reads rows of a column; null where the row or the whole column has no value. */
export function columnReader(column: Column | null): (row: number) => Value {
  if (column === null) return () => null;
  const { present } = column;
  return (row) => (present !== null && present[row] === 0 ? null : columnValue(column, row));
}

export function isNumber(type: FieldType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

/** A column that was cloned between threads: its dictionary has lost its methods there. */
export function revived(column: Column): Column {
  if (column.type !== 'string' || column.dictionary instanceof TextDictionary) return column;
  const { bytes, offsets, size } = column.dictionary as TextDictionary;
  return { ...column, dictionary: new TextDictionary(bytes, offsets, size) };
}

// private functions

function storage(type: FieldType, rows: number): Float64Array | Uint8Array | Uint32Array {
  if (type === 'boolean') return new Uint8Array(rows);
  return type === 'string' ? new Uint32Array(rows) : new Float64Array(rows);
}

/**
 * Columns from values one by one, columns read as another type, and columns that came from another thread. Long: the builder is the path
 * of every row.
 */
import type { Block, Column, FieldType, Value } from '../../../model/index.ts';
import { TextDictionary } from '../../../model/index.ts';
import { columnValue } from '../../functions/selector.ts';

/** As many doubles as an engine keeps beside the object rather than in memory of their own: many tables have a row or two. */
const ROWS_FIRST = 8;
/** What a text costs beside its characters. */
const TEXT_BYTES = 64;
/** Of a dictionary, by rows wanted: to make a table of all its texts for a few rows does not pay. */
const TEXTS_PER_ROW_MAX = 16;

const SIGNED_END = 2 ** 63;

/** What a builder without rows holds; nothing is ever written to it. */
const NONE: Readonly<Record<FieldType, Float64Array | Uint8Array | Uint32Array>> = {
  float: new Float64Array(0),
  integer: new Float64Array(0),
  unsigned: new Float64Array(0),
  boolean: new Uint8Array(0),
  string: new Uint32Array(0),
};

/** Grows by appending; `finish` gives the column and starts a new one. */
export class ColumnBuilder {
  readonly #type: FieldType;
  #values: Float64Array | Uint8Array | Uint32Array;
  #present: Uint8Array | null = null;
  /** Integers beyond the safe ones, by row. */
  #wide: Map<number, bigint> | null = null;
  #texts = new Map<string, number>();
  #textBytes = 0;
  /** Of dictionaries that rows were appended from: by their numbers ours + 1; 0 = not met yet. */
  readonly #sources = new Map<TextDictionary, Uint32Array>();
  #rows = 0;

  /** `rows`: how many to make room for at first. */
  constructor(type: FieldType, rows = 0) {
    this.#type = type;
    this.#values = rows === 0 ? NONE[type] : storage(type, rows);
  }

  get rows(): number {
    return this.#rows;
  }

  push(value: Value): void {
    const row = this.#rows++;
    if (row >= this.#values.length) this.#grow(row + 1);
    if (value === null) {
      this.#presence()[row] = 0;
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

  /** Memory held; texts at what their characters take. */
  get bytes(): number {
    return this.#values.byteLength + (this.#present?.byteLength ?? 0) + this.#textBytes + 64 * (this.#wide?.size ?? 0);
  }

  /** Appends these rows of a column of our type; null = rows without a value. */
  append(column: Column | null, rows: Uint32Array, count: number): void {
    if (column === null || !isGathered(column, count)) {
      const read = columnReader(column);
      for (let k = 0; k < count; k++) this.push(read(rows[k]));
      return;
    }
    const at = this.#reserve(count);
    const target = this.#values;
    const { values, present } = column;
    if (column.type === 'string') {
      const numbers = this.#numbersOf(column.dictionary);
      for (let k = 0; k < count; k++) {
        if (present !== null && present[rows[k]] === 0) continue;
        target[at + k] = this.#numberOf(values[rows[k]] as number, column.dictionary, numbers);
      }
    } else if (target instanceof Float64Array && values instanceof Float64Array)
      gather(values, rows, count, target, at);
    else for (let k = 0; k < count; k++) target[at + k] = values[rows[k]] as number;
    if (present === null) return;
    const own = this.#presence();
    for (let k = 0; k < count; k++) own[at + k] = present[rows[k]];
  }

  /** Appends row rows[k] of columns[from[k]], for k < count. */
  appendMixed(columns: readonly Column[], from: Uint16Array, rows: Uint32Array, count: number): void {
    if (columns.length === 1) {
      this.append(columns[0], rows, count);
      return;
    }
    if (!columns.every((column) => isGathered(column, count))) {
      const readers = columns.map(columnReader);
      for (let k = 0; k < count; k++) this.push(readers[from[k]](rows[k]));
      return;
    }
    const at = this.#reserve(count);
    const target = this.#values;
    if (this.#type === 'string') {
      const dictionaries = columns.map((column) => (column as Column & { type: 'string' }).dictionary);
      const numbers = dictionaries.map((dictionary) => this.#numbersOf(dictionary));
      for (let k = 0; k < count; k++) {
        const { values, present } = columns[from[k]];
        if (present !== null && present[rows[k]] === 0) continue;
        target[at + k] = this.#numberOf(values[rows[k]] as number, dictionaries[from[k]], numbers[from[k]]);
      }
    } else for (let k = 0; k < count; k++) target[at + k] = columns[from[k]].values[rows[k]] as number;
    if (columns.every(({ present }) => present === null)) return;
    const own = this.#presence();
    for (let k = 0; k < count; k++) own[at + k] = columns[from[k]].present?.[rows[k]] ?? 1;
  }

  finish(): Column {
    const column = this.#column();
    this.#values = NONE[this.#type];
    this.#present = null;
    this.#wide = null;
    this.#rows = 0;
    // an empty map is made anew by `clear`, too, and a row of a live query is a column by itself
    if (this.#type !== 'string') return column;
    this.#texts = new Map();
    this.#textBytes = 0;
    this.#sources.clear();
    return column;
  }

  // private functions

  #column(): Column {
    const present = this.#present === null ? null : cut(this.#present, this.#rows);
    const values = cut(this.#values, this.#rows);
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
      this.#textBytes += TEXT_BYTES + 2 * text.length;
    }
    return index;
  }

  /** Our numbers of the texts of a dictionary, filled by `#numberOf`. */
  #numbersOf(dictionary: TextDictionary): Uint32Array {
    let numbers = this.#sources.get(dictionary);
    if (numbers === undefined) {
      numbers = new Uint32Array(dictionary.size);
      this.#sources.set(dictionary, numbers);
    }
    return numbers;
  }

  #numberOf(text: number, dictionary: TextDictionary, numbers: Uint32Array): number {
    if (numbers[text] === 0) numbers[text] = this.#textIndex(dictionary.get(text)) + 1;
    return numbers[text] - 1;
  }

  /** Makes room for rows to come, present all; gives the number of the first. */
  #reserve(count: number): number {
    const at = this.#rows;
    this.#rows += count;
    if (this.#rows > this.#values.length) this.#grow(this.#rows);
    return at;
  }

  #presence(): Uint8Array {
    this.#present ??= new Uint8Array(this.#values.length).fill(1);
    return this.#present;
  }

  #grow(rows: number): void {
    const longer = storage(this.#type, Math.max(rows, this.#values.length * 2, ROWS_FIRST));
    longer.set(this.#values);
    this.#values = longer;
    if (this.#present === null) return;
    const present = new Uint8Array(longer.length).fill(1);
    present.set(this.#present);
    this.#present = present;
  }
}

/**
 * The column as values of another type; null where it cannot be read so. Numbers are cast, nothing else is: 64 bits are read as the other
 * kind of 64 bits, and floats beyond them are the least integer, as InfluxDB's processors have it.
 */
export function columnAs(column: Column, type: FieldType): Column | null {
  if (column.type === type) return column;
  if (!isConvertible(column.type, type)) return null;
  const source = column.values as Float64Array | BigInt64Array | BigUint64Array;
  const { present } = column;
  if (type === 'float') {
    return { type, values: source instanceof Float64Array ? source : Float64Array.from(source, Number), present };
  }
  if (!(source instanceof Float64Array)) {
    const { buffer, byteOffset, length } = source;
    if (type === 'integer') return { type, values: new BigInt64Array(buffer, byteOffset, length), present };
    return { type: 'unsigned', values: new BigUint64Array(buffer, byteOffset, length), present };
  }
  const whole = column.type === 'float' ? source.map(Math.trunc) : source;
  if (type === 'integer') {
    if (!whole.some((value) => Math.abs(value) >= SIGNED_END)) return { type, values: whole, present };
    return { type, values: BigInt64Array.from(whole, signed), present };
  }
  if (!whole.some((value) => value < 0 || value >= SIGNED_END)) return { type: 'unsigned', values: whole, present };
  return { type: 'unsigned', values: BigUint64Array.from(whole, unsigned), present };
}

/** Reads rows of a column; null where the row or the whole column has no value. */
export function columnReader(column: Column | null): (row: number) => Value {
  if (column === null) return () => null;
  const { present } = column;
  return (row) => (present !== null && present[row] === 0 ? null : columnValue(column, row));
}

/** Whether values of a type can be had as another: numbers as numbers. */
export function isConvertible(from: FieldType, to: FieldType): boolean {
  return from === to || (isNumber(from) && isNumber(to));
}

export function isNumber(type: FieldType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

export function isNumeric(type: FieldType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

/** What fill(value) puts where a column of a type has nothing. */
export function fillValue(value: number | bigint, type: FieldType): Value {
  if (type === 'string') return '';
  if (type === 'boolean') return false;
  if (type === 'float') return Number(value);
  return typeof value === 'number' ? Math.trunc(value) : Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** A column that was cloned between threads: its dictionary has lost its methods there. */
export function revived(column: Column): Column {
  if (column.type !== 'string' || column.dictionary instanceof TextDictionary) return column;
  const { bytes, offsets, size } = column.dictionary as TextDictionary;
  return { ...column, dictionary: new TextDictionary(bytes, offsets, size) };
}

/** A column that has a value in the rows that have one in any of these fields. */
export function presenceOfAny(block: Block, fields: readonly string[]): Column | null {
  const columns = fields.flatMap((name) => block.columns.get(name) ?? []);
  if (columns.length === 0) return null;
  const values = new Uint8Array(block.rows);
  if (columns.some((column) => column.present === null)) return { type: 'boolean', values, present: null };
  const present = new Uint8Array(block.rows);
  for (const column of columns) for (let row = 0; row < present.length; row++) present[row] |= column.present![row];
  return { type: 'boolean', values, present };
}

// private functions

function signed(value: number): bigint {
  return Math.abs(value) < SIGNED_END ? BigInt(value) : -(2n ** 63n);
}

function unsigned(value: number): bigint {
  if (value < SIGNED_END) return BigInt.asUintN(64, signed(value));
  return value < 2 * SIGNED_END ? BigInt(value) : 2n ** 63n;
}

/** Whether rows are taken over without a look at each value: not 64-bit ones, nor a few of many texts. */
function isGathered({ type, values }: Column, count: number): boolean {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return false;
  return type !== 'string' || values.length < TEXTS_PER_ROW_MAX * count;
}

/** The array itself where little of it is left over: its builder lets go of it, and a copy costs as much memory again. */
function cut<T extends Float64Array | Uint8Array | Uint32Array>(values: T, rows: number): T {
  return (2 * rows >= values.length ? values.subarray(0, rows) : values.slice(0, rows)) as T;
}

/** On its own, so that V8 knows these two kinds of arrays only: it is the path of nearly all values. */
function gather(from: Float64Array, rows: Uint32Array, count: number, to: Float64Array, at: number): void {
  for (let k = 0; k < count; k++) to[at + k] = from[rows[k]];
}

function storage(type: FieldType, rows: number): Float64Array | Uint8Array | Uint32Array {
  if (type === 'boolean') return new Uint8Array(rows);
  return type === 'string' ? new Uint32Array(rows) : new Float64Array(rows);
}

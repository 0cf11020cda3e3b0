/**
 * Raw rows as InfluxDB's JSON, written on the shard that has them (query/runtime/row-texts.ts): `[time,…],` row by row, the same bytes
 * that json.ts makes of tables. What was written a short time ago is copied from there: what the tags of a series say, and a time that
 * the row before has.
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { Column } from '../../../model/index.ts';
import {
  type Plan,
  type RowsToWrite,
  type RowTexts,
  type RowTextWriter,
  TEXTS_BYTES_MAX,
} from '../../../query/index.ts';
import { jsonCell, jsonText } from './cells.ts';
import { JsonBytes, type NumberColumn } from './json-bytes.ts';
import { timeCell } from './json-times.ts';

/** Rows after which it is guessed how many bytes all of them take. */
const ROWS_GUESSED_BY = 32;
const GUESS_ROOM = 1.5;
const ROWS_FIRST = 64;
/** Of ten columns they stay in the nearest caches. */
const GATHERED_ROWS = 512;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** `plan` shows rows (showsRows). */
export function jsonRows(plan: Plan, epoch: Epoch | null): RowTextWriter {
  return new JsonRows(plan, epoch);
}

class JsonRows implements RowTextWriter {
  readonly #plan: Plan;
  readonly #epoch: Epoch | null;
  /** By output: the plan's column. */
  readonly #shown: readonly number[];
  readonly #out = new JsonBytes();
  /** By the first output of a part of tags. */
  readonly #written: (WrittenTags | undefined)[] = [];
  /** By the first output of a part of numbers. */
  readonly #gathered: (GatheredNumbers | undefined)[] = [];
  #ends = new Uint32Array(ROWS_FIRST);
  #count = 0;

  constructor(plan: Plan, epoch: Epoch | null) {
    this.#plan = plan;
    this.#epoch = epoch;
    this.#shown = plan.outputs.map(({ expression }) => (expression.kind === 'column' ? expression.index : -1));
  }

  get length(): number {
    return this.#out.length;
  }

  write(rows: RowsToWrite, from: number, to: number): number {
    const out = this.#out;
    const { base, offsets, count } = rows;
    const { zone } = this.#plan;
    const time = timeCell({ type: 'time', base, offsets, ...(zone && { zone }) }, this.#epoch, out);
    const write = partsOf(rows.columns, this.#shown).map((part) => this.#writerOf(part, rows));
    const guessAt = from + ROWS_GUESSED_BY;
    const began = out.length;
    let timeFrom = 0;
    let timeTo = 0;
    let row = from;
    for (; row < to && out.length < TEXTS_BYTES_MAX; row++) {
      if (row > from && offsets[row] === offsets[row - 1]) out.again(timeFrom, timeTo);
      else {
        timeFrom = out.length;
        out.byte(OPEN);
        time(row);
        timeTo = out.length;
      }
      for (let p = 0; p < write.length; p++) write[p](row);
      out.byte(CLOSE);
      out.byte(COMMA);
      this.#end(to - row);
      if (row + 1 === guessAt) {
        const rest = ((out.length - began) / ROWS_GUESSED_BY) * (count - row);
        out.reserve(Math.ceil(Math.min(TEXTS_BYTES_MAX - out.length, rest) * GUESS_ROOM));
      }
    }
    return row;
  }

  take(): RowTexts {
    const ends = this.#ends.slice(0, this.#count);
    this.#count = 0;
    for (const written of this.#written) written?.forget();
    return { bytes: this.#out.release(), ends };
  }

  // private functions

  /** A row ends here; about so many follow. */
  #end(rest: number): void {
    if (this.#count === this.#ends.length) {
      const longer = new Uint32Array(Math.max(2 * this.#count, this.#count + rest));
      longer.set(this.#ends);
      this.#ends = longer;
    }
    this.#ends[this.#count++] = this.#out.length;
  }

  #writerOf({ of, first, columns }: Part, rows: RowsToWrite): WritePart {
    const out = this.#out;
    if (of === 'tags') {
      const written = (this.#written[first] ??= new WrittenTags(out));
      const tags = columns.map((column) => rows.tags[column]);
      return (i) => written.write(rows.series[i], tags);
    }
    const { rows: order } = rows;
    if (of === 'numbers') {
      const gathered = (this.#gathered[first] ??= new GatheredNumbers());
      const numbers = gathered.of(columns.map((column) => numberColumn(rows.columns[column]!)!));
      return (i) => out.numbers(numbers, gathered.place(i, rows));
    }
    const cell = jsonCell(rows.columns[columns[0]]!, null, out);
    return (i) => {
      out.byte(COMMA);
      cell(order[i]);
    };
  }
}

/** What the tags of each series say, as long as it can be copied from where it was written first. */
class WrittenTags {
  readonly #out: JsonBytes;
  /** By series: where it begins and ends in the texts, counted from 1; less than #floor + 1 = not there. */
  #from = new Float64Array(ROWS_FIRST);
  #to = new Float64Array(ROWS_FIRST);
  /** Bytes that were written before the texts that are being written. */
  #floor = 0;

  constructor(out: JsonBytes) {
    this.#out = out;
  }

  write(series: number, tags: readonly (readonly (string | null)[])[]): void {
    const out = this.#out;
    if (series >= this.#from.length) this.#grow(series + 1);
    const from = this.#from[series] - this.#floor - 1;
    if (from >= 0) {
      out.again(from, this.#to[series] - this.#floor - 1);
      return;
    }
    this.#from[series] = this.#floor + out.length + 1;
    for (const texts of tags) {
      const tag = texts[series];
      out.byte(COMMA);
      out.text(tag === null ? 'null' : jsonText(tag));
    }
    this.#to[series] = this.#floor + out.length + 1;
  }

  /** The texts are taken. */
  forget(): void {
    this.#floor += this.#out.length;
  }

  // private functions

  #grow(length: number): void {
    const longer = { from: new Float64Array(2 * length), to: new Float64Array(2 * length) };
    longer.from.set(this.#from);
    longer.to.set(this.#to);
    this.#from = longer.from;
    this.#to = longer.to;
  }
}

/**
 * Numbers of the next rows, one column after the other: rows that pass stand far apart in their columns, and of many values of one column
 * a processor waits for several at a time.
 */
class GatheredNumbers {
  #sources: readonly NumberColumn[] = [];
  #columns: readonly NumberColumn[] = [];
  readonly #values: Float64Array[] = [];
  readonly #presences: Uint8Array[] = [];
  #from = 0;
  #to = 0;

  /** The columns in which rows of these will stand; nothing of them is there yet. */
  of(sources: readonly NumberColumn[]): readonly NumberColumn[] {
    this.#sources = sources;
    this.#columns = sources.map(({ present, isFloat }, c) => ({
      values: (this.#values[c] ??= new Float64Array(GATHERED_ROWS)),
      present: present && (this.#presences[c] ??= new Uint8Array(GATHERED_ROWS)),
      isFloat,
    }));
    this.#to = 0;
    return this.#columns;
  }

  /** Where the i-th row stands in the columns. */
  place(i: number, { rows, count }: RowsToWrite): number {
    if (i < this.#from || i >= this.#to) {
      this.#from = i;
      this.#to = Math.min(count, i + GATHERED_ROWS);
      for (const [c, { values, present }] of this.#columns.entries()) {
        gather(this.#sources[c].values, rows, i, this.#to, values);
        if (present !== null) gather(this.#sources[c].present!, rows, i, this.#to, present);
      }
    }
    return i - this.#from;
  }
}

// private functions

function gather<T extends Float64Array | Uint8Array>(
  from: T,
  rows: Uint32Array,
  start: number,
  end: number,
  to: T,
): void {
  for (let i = start; i < end; i++) to[i - start] = from[rows[i]];
}

/** Outputs next to each other that are written together: tags, numbers, or one of another kind. */
interface Part {
  readonly of: 'tags' | 'numbers' | 'field';
  /** Number of its first output. */
  readonly first: number;
  readonly columns: number[];
}

/** Writes a comma and a value, for each column of a part, of the i-th row. */
type WritePart = (i: number) => void;

function partsOf(columns: RowsToWrite['columns'], shown: readonly number[]): Part[] {
  const parts: Part[] = [];
  for (const [first, column] of shown.entries()) {
    const last = parts.at(-1);
    const of = kindOf(columns[column]);
    if (last?.of === of && of !== 'field') last.columns.push(column);
    else parts.push({ of, first, columns: [column] });
  }
  return parts;
}

function kindOf(column: Column | null): Part['of'] {
  if (column === null) return 'tags';
  return numberColumn(column) === null ? 'field' : 'numbers';
}

/** null where numbers have 64 bits, or are none. */
function numberColumn({ type, values, present }: Column): NumberColumn | null {
  if (type === 'boolean' || type === 'string' || !(values instanceof Float64Array)) return null;
  return { values, present, isFloat: type === 'float' };
}

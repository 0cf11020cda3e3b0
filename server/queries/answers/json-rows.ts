/**
 * Raw rows as InfluxDB's JSON, written on the shard that has them (query/runtime/source/row-texts.ts): `[time,…],` row by row, the same
 * bytes that json.ts makes of tables. What was written a short time ago is copied from there: what the tags of a series say, and a time
 * that the row before has.
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
import { JsonBytes } from './json-bytes.ts';
import { timeCell } from './json-times.ts';
import { NO_NUMBER, NOT_SMALL, type NumberCells, SMALL_END, SMALL_LENGTHS, SMALL_TEXTS } from './small-numbers.ts';

/** Rows after which it is guessed how many bytes all of them take. */
const ROWS_GUESSED_BY = 32;
const GUESS_ROOM = 1.5;
const ROWS_FIRST = 64;
/** Of ten columns they stay in the nearest caches. */
const GATHERED_ROWS = 512;
/** Of one column; means nothing when they have been converted. */
const taken = new Float64Array(GATHERED_ROWS);
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
  readonly #out = new JsonBytes(true);
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
      gathered.begin(columns.map((column) => numberColumn(rows.columns[column]!)!));
      return (i) => out.numbers(gathered, gathered.place(i, rows));
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
 * Numbers of the next rows, gathered one column after the other: rows that pass stand far apart in their columns, and of many values of one
 * column a processor waits for several at a time.
 */
class GatheredNumbers implements NumberCells {
  #sources: readonly NumberColumn[] = [];
  columns = 0;
  areFloats: readonly boolean[] = [];
  texts = new Int32Array(0);
  lengths = new Uint8Array(0);
  values = new Float64Array(0);
  #from = 0;
  #to = 0;

  /** Rows of these follow; nothing of them is there yet. */
  begin(sources: readonly NumberColumn[]): void {
    this.#sources = sources;
    this.areFloats = sources.map(({ isFloat }) => isFloat);
    this.#to = 0;
    if (this.columns === sources.length) return;
    this.columns = sources.length;
    const cells = GATHERED_ROWS * sources.length;
    this.texts = new Int32Array(cells);
    this.lengths = new Uint8Array(cells);
    this.values = new Float64Array(cells);
  }

  /** Where the i-th row stands among those that are gathered. */
  place(i: number, { rows, count }: RowsToWrite): number {
    if (i < this.#from || i >= this.#to) {
      this.#from = i;
      this.#to = Math.min(count, i + GATHERED_ROWS);
      for (let c = 0; c < this.columns; c++) gather(this.#sources[c], rows, i, this.#to, c, this);
    }
    return i - this.#from;
  }
}

// private functions

/** Values of rows [start, end) of a list, as column `c` of cells. */
function gather(
  { values, present, isFloat }: NumberColumn,
  rows: Uint32Array,
  start: number,
  end: number,
  c: number,
  cells: NumberCells,
): void {
  take(values, rows, start, end);
  convert(end - start, isFloat, c, cells);
  if (present === null) return;
  const { columns, lengths } = cells;
  for (let i = start, at = c; i < end; i++, at += columns) if (present[rows[i]] === 0) lengths[at] = NO_NUMBER;
}

/** Does nothing else: the less is done for a value, the more of them a processor waits for at a time. */
function take(values: Float64Array, rows: Uint32Array, start: number, end: number): void {
  const to = taken;
  for (let i = start; i < end; i++) to[i - start] = values[rows[i]];
}

function convert(count: number, isFloat: boolean, c: number, { columns, texts, lengths, values }: NumberCells): void {
  for (let i = 0, at = c; i < count; i++, at += columns) {
    const value = taken[i];
    const whole = value | 0;
    if (whole === value && whole >= 0 && whole < SMALL_END && (whole > 0 || !isFloat || !Object.is(value, -0))) {
      texts[at] = SMALL_TEXTS[whole];
      lengths[at] = SMALL_LENGTHS[whole];
    } else {
      values[at] = value;
      lengths[at] = NOT_SMALL;
    }
  }
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

/** Of floats, or of whole numbers. */
interface NumberColumn {
  readonly values: Float64Array;
  readonly present: Uint8Array | null;
  readonly isFloat: boolean;
}

/** null where numbers have 64 bits, or are none. */
function numberColumn({ type, values, present }: Column): NumberColumn | null {
  if (type === 'boolean' || type === 'string' || !(values instanceof Float64Array)) return null;
  return { values, present, isFloat: type === 'float' };
}

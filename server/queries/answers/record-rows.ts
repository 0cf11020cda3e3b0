/**
 * An answer as one table, for formats that have one schema: the tables of a statement gathered to batches of many rows.
 *
 * The schema is that of the first table: `name`, its tags, then its columns; a name that is taken gets `_1` behind it. What follows
 * must fit: a table of other columns, tags or types is an error that says so. So such an answer is that of one statement, and where
 * a field's type differs between measurements they are asked in statements of their own. An error has no place in these formats:
 * before the first row it is thrown to whoever asked, and behind it the answer breaks off.
 *
 * Values are copied into columns that are filled again for the next batch: whoever takes a batch is done with it before asking for more.
 */
import type { FieldType, Presence } from '../../../model/index.ts';
import { QueryError, type ResultColumn, type ResultTable, type TimeColumn } from '../../../query/index.ts';
import type { StatementAnswers } from './answer.ts';
import { sameTexts } from './series.ts';

/** A batch of Arrow, a row group of Parquet: enough for readers to work in columns, little enough to hold a few. */
const BATCH_ROWS_MAX = 65_536;
/** Rows times columns of a batch, some 36 MB: a table of very many columns has fewer rows in each. */
const BATCH_CELLS_MAX = 4 * 1024 * 1024;
/** Of distinct texts in one column of a batch; it is closed where one has more. */
const TEXT_CHARACTERS_MAX = 16 * 1024 * 1024;
const WORD = 2 ** 32;

export type RecordType = FieldType | 'time' | 'tag';

/** One column of a batch; its first `rows` entries count. Presence as in a block, for every type. */
export type RecordColumn = { readonly name: string; readonly present: Uint8Array } & (
  | { readonly type: 'time' | 'integer'; readonly values: BigInt64Array }
  | { readonly type: 'unsigned'; readonly values: BigUint64Array }
  | { readonly type: 'float'; readonly values: Float64Array }
  | { readonly type: 'boolean'; readonly values: Uint8Array }
  | { readonly type: 'tag' | 'string'; readonly values: Int32Array; readonly texts: string[] }
);

export interface RecordRows {
  readonly rows: number;
  readonly columns: readonly RecordColumn[];
}

/**
 * At least one batch, which has no rows where the answer has none: its schema is `name` and `time` then. Throws QueryError for the
 * statement's error, for a second statement, and for a table that does not fit.
 */
export async function* recordRows(answers: StatementAnswers): AsyncGenerator<RecordRows> {
  let gathered: Gathered | null = null;
  let statements = 0;
  for await (const answer of answers) {
    if ('error' in answer) throw new QueryError('invalid', answer.error);
    if (statements++ > 0) throw new QueryError('invalid', 'an answer of this format takes one statement');
    for await (const table of answer.tables) {
      gathered ??= new Gathered(table);
      gathered.begin(table);
      for (let from = 0; from < table.rows; ) {
        from += gathered.add(table, from);
        if (gathered.isFull) yield gathered.take();
      }
    }
  }
  gathered ??= new Gathered(NO_TABLE);
  if (gathered.rows > 0 || !gathered.taken) yield gathered.take();
}

// private functions

const NO_TABLE: ResultTable = {
  name: '',
  tags: null,
  columns: ['time'],
  rows: 0,
  data: [{ type: 'time', base: 0n, offsets: new Float64Array(0) }],
};

class Gathered {
  rows = 0;
  taken = false;
  readonly #rowsMax: number;
  readonly #first: ResultTable;
  readonly #tagKeys: readonly string[];
  readonly #texts: TextColumn[];
  readonly #data: RecordColumn[];
  /** By data column: place in our texts of a text in the table's dictionary, −1 = not met. */
  #codes: (Int32Array | null)[] = [];

  constructor(first: ResultTable) {
    const names = uniqueNames(['name', ...tagKeysOf(first), ...first.columns]);
    const rowsMax = Math.max(1, Math.min(BATCH_ROWS_MAX, Math.floor(BATCH_CELLS_MAX / names.length)));
    this.#rowsMax = rowsMax;
    this.#first = first;
    this.#tagKeys = tagKeysOf(first);
    this.#texts = names.slice(0, 1 + this.#tagKeys.length).map((name) => new TextColumn(name, 'tag', rowsMax));
    const rest = names.slice(1 + this.#tagKeys.length);
    this.#data = first.data.map(({ type }, c) => newColumn(rest[c], type, rowsMax));
  }

  get isFull(): boolean {
    const texts = [...this.#texts, ...this.#data.filter((column) => column instanceof TextColumn)];
    return this.rows === this.#rowsMax || texts.some(({ characters }) => characters >= TEXT_CHARACTERS_MAX);
  }

  /** Rows of this table follow. */
  begin(table: ResultTable): void {
    const { columns, data } = this.#first;
    if (!sameTexts(columns, table.columns) || !sameTexts(this.#tagKeys, tagKeysOf(table))) {
      throw misfit(table, `its columns are ${shown(table)}, the first ones were ${shown(this.#first)}`);
    }
    const other = data.findIndex(({ type }, c) => type !== table.data[c].type);
    if (other >= 0) {
      const types = `${columns[other]} is ${table.data[other].type}, it was ${data[other].type} before`;
      throw misfit(table, types);
    }
    this.#codes = table.data.map((column) => (column.type === 'string' ? unmet(column.dictionary.size) : null));
  }

  /** How many rows from `from` on were taken in. */
  add(table: ResultTable, from: number): number {
    const to = Math.min(table.rows, from + this.#rowsMax - this.rows);
    const heads = [table.name, ...(table.tags ?? []).map(([, value]) => value)];
    for (const [i, column] of this.#texts.entries()) column.fill(heads[i], this.rows, to - from);
    for (const [c, column] of table.data.entries()) {
      const target = this.#data[c];
      if (target instanceof TextColumn) target.copy(column, this.#codes[c]!, from, to, this.rows);
      else copyValues(column, target, from, to, this.rows);
    }
    this.rows += to - from;
    return to - from;
  }

  /** The rows gathered; with the next `add` another batch begins. */
  take(): RecordRows {
    const { rows } = this;
    const columns = [...this.#texts, ...this.#data].map((column) =>
      column instanceof TextColumn ? column.taken() : column,
    );
    this.#codes = this.#codes.map((codes) => (codes === null ? null : unmet(codes.length)));
    this.rows = 0;
    this.taken = true;
    return { rows, columns };
  }
}

/** Texts by number, each distinct one of a batch once. */
class TextColumn {
  readonly name: string;
  readonly type: 'tag' | 'string';
  readonly values: Int32Array;
  readonly present: Uint8Array;
  texts: string[] = [];
  characters = 0;
  #numbers = new Map<string, number>();

  constructor(name: string, type: 'tag' | 'string', rowsMax: number) {
    this.name = name;
    this.type = type;
    this.values = new Int32Array(rowsMax);
    this.present = new Uint8Array(rowsMax);
  }

  /** A tag without a value is null. */
  fill(text: string, at: number, rows: number): void {
    this.present.fill(text === '' ? 0 : 1, at, at + rows);
    this.values.fill(text === '' ? 0 : this.#number(text), at, at + rows);
  }

  copy(column: ResultColumn, codes: Int32Array, from: number, to: number, at: number): void {
    if (column.type !== 'string') return;
    const { values, present, dictionary } = column;
    copyPresence(present, this.present, from, to, at);
    for (let row = from; row < to; row++) {
      if (present !== null && present[row] === 0) continue;
      const code = values[row];
      if (codes[code] < 0) codes[code] = this.#number(dictionary.get(code));
      this.values[at + row - from] = codes[code];
    }
  }

  taken(): RecordColumn {
    const { name, type, values, present, texts } = this;
    this.texts = [];
    this.characters = 0;
    this.#numbers = new Map();
    return { name, type, values, present, texts };
  }

  // private functions

  #number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.texts.length;
    this.#numbers.set(text, number);
    this.texts.push(text);
    this.characters += text.length;
    return number;
  }
}

function tagKeysOf({ tags }: ResultTable): string[] {
  return (tags ?? []).map(([key]) => key);
}

function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 1; taken.has(unique); n++) unique = `${name}_${n}`;
    taken.add(unique);
    return unique;
  });
}

function newColumn(name: string, type: ResultColumn['type'], rowsMax: number): RecordColumn {
  const present = new Uint8Array(rowsMax);
  switch (type) {
    case 'time':
    case 'integer':
      return { name, type, present, values: new BigInt64Array(rowsMax) };
    case 'unsigned':
      return { name, type, present, values: new BigUint64Array(rowsMax) };
    case 'float':
      return { name, type, present, values: new Float64Array(rowsMax) };
    case 'boolean':
      return { name, type, present, values: new Uint8Array(rowsMax) };
    case 'string':
      return new TextColumn(name, 'string', rowsMax);
  }
}

/** Types have been compared before. */
function copyValues(source: ResultColumn, target: RecordColumn, from: number, to: number, at: number): void {
  if (source.type === 'time') {
    copyPresence(null, target.present, from, to, at);
    copyTimes(source, wordsOf(target.values as BigInt64Array), from, to, at);
    return;
  }
  copyPresence(source.present, target.present, from, to, at);
  if (source.type === 'integer' || source.type === 'unsigned') {
    const integers = target.values as BigInt64Array | BigUint64Array;
    const { values } = source;
    if (!(values instanceof Float64Array)) integers.set(values.subarray(from, to) as never, at);
    else copyWholes(values, wordsOf(integers), from, to, at);
    return;
  }
  (target.values as Float64Array | Uint8Array).set(source.values.subarray(from, to), at);
}

/** As words of 32 bits, the low one first, as in the memory of the machine: a bigint for each value would cost more than all else. */
function copyTimes({ base, offsets }: TimeColumn, words: Uint32Array, from: number, to: number, at: number): void {
  const baseHigh = Number(base >> 32n);
  const baseLow = Number(base & 0xffff_ffffn);
  for (let row = from, w = 2 * at; row < to; row++) {
    const low = baseLow + offsets[row];
    const carried = Math.floor(low / WORD);
    words[w++] = low - carried * WORD;
    words[w++] = baseHigh + carried;
  }
}

function copyWholes(values: Float64Array, words: Uint32Array, from: number, to: number, at: number): void {
  for (let row = from, w = 2 * at; row < to; row++) {
    const high = Math.floor(values[row] / WORD);
    words[w++] = values[row] - high * WORD;
    words[w++] = high;
  }
}

function wordsOf({ buffer, byteOffset, length }: BigInt64Array | BigUint64Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, 2 * length);
}

function copyPresence(source: Presence, target: Uint8Array, from: number, to: number, at: number): void {
  if (source === null) target.fill(1, at, at + to - from);
  else target.set(source.subarray(from, to), at);
}

function unmet(size: number): Int32Array {
  return new Int32Array(size).fill(-1);
}

function misfit({ name }: ResultTable, why: string): QueryError {
  return new QueryError('invalid', `"${name}" does not fit into one table: ${why}; ask it in a statement of its own`);
}

function shown(table: ResultTable): string {
  return [...tagKeysOf(table), ...table.columns].join(', ');
}

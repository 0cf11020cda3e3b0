/**
 * Blocks with the columns and tags that a plan derives from theirs: the first step of stage 1, before conditions and groups. Each text
 * of a block's dictionary is looked at once, however many rows have it. A derived tag splits series: a row's series is then that of
 * the block together with the value of the tag.
 */
import { type Block, type Column, type FieldType, type SeriesTable, TextDictionary } from '../../../model/index.ts';
import { fingerprint } from '../../functions/fingerprint.ts';
import { QueryError } from '../../language/errors.ts';
import type { Plan } from '../../planner/plan.ts';
import { columnAs } from '../source/columns.ts';

/** Values of a derived tag in one query on one thread: more would be no grouping. */
export const FINGERPRINTS_MAX = 100_000;

type Texts = Column & { type: 'string' };

export class DerivedRows {
  readonly #plan: Plan;
  /** Of each source, where a tag is derived. */
  readonly #splits: SplitSeries[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  of(block: Block, source: number, table: SeriesTable): { block: Block; table: SeriesTable } {
    const { derived = [], derivedTag } = this.#plan;
    if (derived.length === 0) return { block, table };
    const columns = new Map(block.columns);
    for (const { name, field, as } of derived) {
      const column = block.columns.get(field);
      const made = column && (as === undefined ? fingerprints(column, block.rows) : castTo(as, column));
      if (made) columns.set(name, made);
    }
    const whole = { ...block, columns };
    if (derivedTag === undefined) return { block: whole, table };
    if (this.#splits[source]?.table !== table) this.#splits[source] = new SplitSeries(table, derivedTag.tag);
    const split = this.#splits[source];
    const series = split.numbers(whole, columns.get(derivedTag.name));
    return { block: { ...whole, series, runs: undefined }, table: split };
  }
}

/** What a scan is asked for so that the derived columns can be made. */
export function scannedFields({ derived = [] }: Plan, fields: Iterable<string>): string[] {
  const bases = new Map(derived.map(({ name, field }) => [name, field]));
  return [...new Set([...[...fields].map((name) => bases.get(name) ?? name), ...bases.values()])];
}

// private functions

function castTo(type: FieldType | 'tag', column: Column): Column | null {
  return type === 'tag' ? null : columnAs(column, type);
}

function fingerprints(column: Column, rows: number): Texts | null {
  if (column.type !== 'string') return null;
  const { values, dictionary, present } = column;
  const ofText = new Int32Array(dictionary.size).fill(-1);
  const numbers = new Map<string, number>();
  const mapped = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    if (present !== null && present[row] === 0) continue;
    const text = values[row];
    if (ofText[text] < 0) {
      const print = fingerprint(dictionary.get(text));
      const number = numbers.get(print) ?? numbers.size;
      numbers.set(print, number);
      ofText[text] = number;
    }
    mapped[row] = ofText[text];
  }
  return { type: 'string', values: mapped, dictionary: TextDictionary.of([...numbers.keys()]), present };
}

/** Series of a table, each split by the value of a derived tag; a row without a value has the tag empty. */
class SplitSeries implements SeriesTable {
  readonly table: SeriesTable;
  readonly #tag: string;
  readonly #texts: string[] = [''];
  readonly #textNumbers = new Map([['', 0]]);
  /** By our number: that of the table, and of the text. */
  readonly #series: number[] = [];
  readonly #textOf: number[] = [];
  readonly #numbers = new Map<number, number>();

  constructor(table: SeriesTable, tag: string) {
    this.table = table;
    this.#tag = tag;
  }

  get size(): number {
    return this.#series.length;
  }

  key(series: number): string {
    return this.table.key(this.#series[series]);
  }

  tag(series: number, key: string): string {
    return key === this.#tag ? this.#texts[this.#textOf[series]] : this.table.tag(this.#series[series], key);
  }

  tagKeys(): string[] {
    return [...this.table.tagKeys(), this.#tag];
  }

  /** The series of each row of a block. */
  numbers({ rows, series, selection }: Block, column: Column | undefined): Uint32Array {
    const texts = column?.type === 'string' ? column : null;
    const ofText = new Int32Array(texts?.dictionary.size ?? 0).fill(-1);
    const numbers = new Uint32Array(rows);
    const count = selection?.length ?? rows;
    for (let k = 0; k < count; k++) {
      const row = selection === null ? k : selection[k];
      let text = 0;
      if (texts !== null && (texts.present === null || texts.present[row] === 1)) {
        const local = texts.values[row];
        if (ofText[local] < 0) ofText[local] = this.#text(texts.dictionary.get(local));
        text = ofText[local];
      }
      numbers[row] = this.#number(series[row], text);
    }
    return numbers;
  }

  // private functions

  #text(text: string): number {
    let number = this.#textNumbers.get(text);
    if (number === undefined) {
      number = this.#texts.push(text) - 1;
      this.#textNumbers.set(text, number);
      if (number > FINGERPRINTS_MAX)
        throw new QueryError('invalid', `fingerprint() makes more than ${FINGERPRINTS_MAX} groups`);
    }
    return number;
  }

  #number(series: number, text: number): number {
    const key = series * (FINGERPRINTS_MAX + 1) + text;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#series.push(series) - 1;
      this.#textOf.push(text);
      this.#numbers.set(key, number);
    }
    return number;
  }
}

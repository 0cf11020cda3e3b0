/** TextTables: merged rows that were written on their shards (row-texts.ts), into tables of texts. Applies LIMIT and OFFSET. */
import { answerColumns, type Plan } from '../../planner/plan.ts';
import { hasPlainOutputs, type Picks, type PickWriter } from '../cells/column-tables.ts';
import { tagsOf } from '../cells/table-writer.ts';
import type { Group, RowsPartial } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import { RowLimit } from '../source/row-limit.ts';
import { giveBack, TEXT_BUFFER_BYTES, textBuffer } from './text-buffers.ts';

/** A table ends where its texts would not fit a text buffer any more; a shorter one is not begun again for it. */
const TABLE_BYTES_MIN = TEXT_BUFFER_BYTES / 2;
const ROWS_FEW = 1_000;

/** Whether rows of the answer are rows of the shards, with outputs as they are. */
export function showsRows(plan: Plan): boolean {
  if (plan.kind !== 'raw' || plan.pair !== undefined || plan.sources.length === 0) return false;
  return hasPlainOutputs(plan) && plan.sources.every(({ subquery }) => subquery === undefined);
}

export class TextTables implements PickWriter {
  readonly #plan: Plan;
  readonly #names: readonly string[];
  #group: Group = { name: '', tags: [] };
  #bytes = new Uint8Array(0);
  #at = 0;
  #rows = 0;
  readonly #limit: RowLimit;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#limit = new RowLimit(plan);
    this.#names = answerColumns(plan);
  }

  start(group: Group): void {
    this.#group = group;
    this.#limit.start();
  }

  get full(): boolean {
    return this.#limit.full;
  }

  *add({ partials, from, rows, count }: Picks): Generator<ResultTable> {
    const [first, end] = this.#limit.take(count);
    for (let k = first; k < end; ) {
      const { bytes, ends } = partials[from[k]].texts!;
      const row = rows[k];
      let next = k + 1;
      // rows of one shard that follow one another stand together
      while (next < end && from[next] === from[k]) next++;
      const begin = row === 0 ? 0 : ends[row - 1];
      const length = ends[rows[next - 1]] - begin;
      if (this.#at >= TABLE_BYTES_MIN && this.#at + length > TEXT_BUFFER_BYTES) yield this.#table();
      this.#take(bytes, begin, length);
      this.#rows += next - k;
      k = next;
    }
  }

  done({ texts }: RowsPartial): void {
    if (texts !== undefined) giveBack(texts.bytes);
  }

  *finish(): Generator<ResultTable> {
    if (this.#rows > 0) yield this.#table();
  }

  // private functions

  #take(bytes: Uint8Array, from: number, count: number): void {
    const at = this.#at;
    const length = at + count;
    if (length > this.#bytes.length) {
      const isLong = this.#limit.seen > ROWS_FEW && length <= TEXT_BUFFER_BYTES;
      const longer = isLong ? textBuffer() : new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      longer.set(this.#bytes.subarray(0, at));
      this.#bytes = longer;
    }
    this.#bytes.set(bytes.subarray(from, from + count), at);
    this.#at = length;
  }

  #table(): ResultTable {
    const table: ResultTable = {
      name: this.#group.name,
      tags: tagsOf(this.#plan, this.#group),
      columns: this.#names,
      rows: this.#rows,
      data: [],
      texts: this.#bytes.subarray(0, this.#at),
    };
    this.#bytes = new Uint8Array(0);
    this.#at = 0;
    this.#rows = 0;
    return table;
  }
}

/**
 * The rows of several buckets as one: sorted by series key, then time, each (series, time) once; where several buckets have it, the later
 * one wins, field by field. A merge of k sorted inputs; what is in memory is a block of each input and the part that is being made.
 *
 *     input 0  a a a b b · ·        the input whose next row is least gives all its rows up to the next row of any other:
 *     input 1  a · · b c c ·   ─▶   mostly whole series, or all that came between two sealings
 *
 * Works on places of rows; `gather.ts` fetches values.
 */
import type { Block, Column } from '../../model/index.ts';
import { CHUNK_ROWS } from '../head/chunk.ts';
import type { RowLayer, ScanStep, TimeRange } from '../head/row-layer.ts';
import { type Double, RowValues } from './gather.ts';
import type { Pause } from './sorted-rows.ts';

/** Two chunks of a bucket: chunks do not cross parts. */
const PART_ROWS = 16_384;
/** Sources of a part, so that places fit 32 bits; blocks with few rows come in great numbers. */
const SOURCES_MAX = 4096;

export interface MergedPart {
  readonly rows: number;
  /** The shard's numbers. */
  readonly series: Uint32Array;
  /** From the base asked for. */
  readonly offsets: Float64Array;
  readonly columns: ReadonlyMap<string, Column>;
}

export interface MergeRequest {
  /** Oldest first. Their blocks come by rank of series, then time, and stay valid. */
  readonly inputs: readonly RowLayer[];
  readonly range: TimeRange;
  /** Of the parts' offsets. */
  readonly base: bigint;
  /** Place of each series in the order of keys. */
  readonly ranks: Uint32Array;
  readonly pause: Pause;
}

export async function* mergedParts({ inputs, range, base, ranks, pause }: MergeRequest): AsyncGenerator<MergedPart> {
  const cursors: Cursor[] = [];
  for (const [age, input] of inputs.entries()) {
    const cursor = new Cursor(age, input.scan(range.min, range.max, null, null)[Symbol.iterator](), base, ranks);
    if (await cursor.nextBlock(pause)) cursors.push(cursor);
  }
  const part = new PartBuilder();
  while (cursors.length > 0) {
    const equals = least(cursors);
    const first = equals[0];
    if (equals.length === 1) part.takeRun(first, nextAfter(cursors, first));
    else part.takeDouble(equals);
    for (const cursor of equals) {
      if (cursor.at < cursor.end) continue;
      if (!(await cursor.nextBlock(pause))) cursors.splice(cursors.indexOf(cursor), 1);
    }
    if (!part.isFull) continue;
    yield part.finish();
    await pause();
  }
  if (part.rows > 0) yield part.finish();
}

// private functions

/** Where an input stands. */
class Cursor {
  readonly age: number;
  block!: Block;
  at = 0;
  end = 0;
  /** Of the row it stands at. */
  rank = -1;
  offset = 0;
  /** Number of the block among the sources of the part under way, -1 = none. */
  source = -1;
  readonly #steps: Iterator<ScanStep>;
  readonly #base: bigint;
  readonly #ranks: Uint32Array;
  #shift = 0;

  constructor(age: number, steps: Iterator<ScanStep>, base: bigint, ranks: Uint32Array) {
    this.age = age;
    this.#steps = steps;
    this.#base = base;
    this.#ranks = ranks;
  }

  /** False: the input has ended. */
  async nextBlock(pause: Pause): Promise<boolean> {
    for (;;) {
      await pause();
      const { done, value } = this.#steps.next();
      if (done) return false;
      if (value instanceof Promise) {
        await value;
        continue;
      }
      this.block = value;
      this.at = 0;
      this.end = value.selection?.length ?? value.rows;
      this.source = -1;
      this.#shift = Number(value.base - this.#base);
      if (this.end === 0) continue;
      this.#look();
      return true;
    }
  }

  get row(): number {
    return this.block.selection === null ? this.at : this.block.selection[this.at];
  }

  /** To the next row; false = the block has ended. */
  step(): boolean {
    this.at++;
    if (this.at === this.end) return false;
    this.#look();
    return true;
  }

  // private functions

  #look(): void {
    const { row } = this;
    const rank = this.#ranks[this.block.series[row]];
    const offset = this.block.offsets[row] + this.#shift;
    if (rank < this.rank || (rank === this.rank && offset <= this.offset)) {
      throw new Error(`a merge met rows out of order, at series ${this.block.series[row]}`);
    }
    this.rank = rank;
    this.offset = offset;
  }
}

class PartBuilder {
  rows = 0;
  #series = new Uint32Array(PART_ROWS);
  #offsets = new Float64Array(PART_ROWS);
  #places = new Uint32Array(PART_ROWS);
  #sources: ReadonlyMap<string, Column>[] = [];
  #users: Cursor[] = [];
  #doubles: Double[] = [];

  get isFull(): boolean {
    return this.rows === PART_ROWS || this.#sources.length >= SOURCES_MAX;
  }

  /** Rows of the cursor's block that come before the limit, while there is room. */
  takeRun(cursor: Cursor, limit: Cursor | null): void {
    const first = this.#sourceOf(cursor) * CHUNK_ROWS;
    do {
      this.#put(cursor, first + cursor.row);
    } while (cursor.step() && this.rows < PART_ROWS && (limit === null || isBefore(cursor, limit)));
  }

  /** One row of all of these cursors. */
  takeDouble(cursors: readonly Cursor[]): void {
    const newestFirst = [...cursors].sort((a, b) => b.age - a.age);
    const [place, ...others] = newestFirst.map((cursor) => this.#sourceOf(cursor) * CHUNK_ROWS + cursor.row);
    this.#doubles.push({ row: this.rows, others });
    this.#put(cursors[0], place);
    for (const cursor of cursors) cursor.step();
  }

  finish(): MergedPart {
    const { rows } = this;
    const values = new RowValues(this.#sources);
    const columns = values.columns(this.#places.subarray(0, rows), this.#doubles);
    const part = { rows, series: this.#series.slice(0, rows), offsets: this.#offsets.slice(0, rows), columns };
    for (const cursor of this.#users) cursor.source = -1;
    this.#sources = [];
    this.#users = [];
    this.#doubles = [];
    this.rows = 0;
    return part;
  }

  // private functions

  #put(cursor: Cursor, place: number): void {
    this.#series[this.rows] = cursor.block.series[cursor.row];
    this.#offsets[this.rows] = cursor.offset;
    this.#places[this.rows++] = place;
  }

  #sourceOf(cursor: Cursor): number {
    if (cursor.source === -1) {
      cursor.source = this.#sources.push(cursor.block.columns) - 1;
      this.#users.push(cursor);
    }
    return cursor.source;
  }
}

function isBefore(a: Cursor, b: Cursor): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.offset < b.offset);
}

/** Those that stand at the least row. */
function least(cursors: readonly Cursor[]): Cursor[] {
  let found: Cursor[] = [cursors[0]];
  for (let i = 1; i < cursors.length; i++) {
    if (isBefore(cursors[i], found[0])) found = [cursors[i]];
    else if (!isBefore(found[0], cursors[i])) found.push(cursors[i]);
  }
  return found;
}

/** The least of the others; null = there are none. */
function nextAfter(cursors: readonly Cursor[], first: Cursor): Cursor | null {
  let next: Cursor | null = null;
  for (const cursor of cursors) {
    if (cursor !== first && (next === null || isBefore(cursor, next))) next = cursor;
  }
  return next;
}

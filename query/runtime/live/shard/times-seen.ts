/**
 * TimesSeen: the stretches of time in which rows of one measurement have come, so that of a row that is not newer than its series it is
 * known whether it may repeat an earlier one. Writers overtake each other, and what comes late mostly lies where nothing was before: then
 * it is a row like any other, and nothing has to be read again.
 *
 *     blocks, as they came    [ 1 ]   [ 2 ]         [ 4 ]
 *     late                                   [ 3 ]              meets none of them: no row of it was there
 *     late                        [ 5 ]                         meets one: any row of it may have been
 *
 * Stretches are those of whole blocks, and the oldest become one: in doubt a row may repeat another.
 */
import { type Block, TIME_MIN } from '../../../../model/index.ts';

/** At some sixty bytes each. */
const STRETCHES_MAX = 1_024;

export class TimesSeen {
  /** Ascending, both ends included; they do not meet. */
  readonly #from: bigint[] = [];
  readonly #to: bigint[] = [];

  /** There may be rows of any time up to this. */
  allUpTo(time: bigint): void {
    this.#add(TIME_MIN, time);
  }

  /** Takes a block that has come; gives those of its late rows that may repeat one that came before, in this block or in another. */
  repeating(block: Block, late: Uint32Array | null): Uint32Array | null {
    if (block.rows === 0) return late;
    const { base, offsets, rows } = block;
    let [least, greatest] = [offsets[0], offsets[0]];
    for (let row = 1; row < rows; row++) {
      if (offsets[row] < least) least = offsets[row];
      else if (offsets[row] > greatest) greatest = offsets[row];
    }
    const [from, to] = [base + BigInt(least), base + BigInt(greatest)];
    const isDoubtful = late !== null && this.#meets(from, to);
    this.#add(from, to);
    return late === null || isDoubtful ? late : repeatingWithin(block);
  }

  // private functions

  #meets(from: bigint, to: bigint): boolean {
    const at = firstFrom(this.#to, from);
    return at < this.#from.length && this.#from[at] <= to;
  }

  #add(from: bigint, to: bigint): void {
    const first = firstFrom(this.#to, from);
    let end = first;
    while (end < this.#from.length && this.#from[end] <= to) end++;
    const least = end > first && this.#from[first] < from ? this.#from[first] : from;
    const greatest = end > first && this.#to[end - 1] > to ? this.#to[end - 1] : to;
    this.#from.splice(first, end - first, least);
    this.#to.splice(first, end - first, greatest);
    if (this.#from.length <= STRETCHES_MAX) return;
    this.#from.splice(1, 1);
    this.#to.shift();
  }
}

// private functions

/** Index of the first that is not less. */
function firstFrom(ascending: readonly bigint[], time: bigint): number {
  let [low, high] = [0, ascending.length];
  // most is newest
  if (high > 0 && ascending[high - 1] < time) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Those that are not newer than the rows of their series before them in the block. */
function repeatingWithin({ rows, series, offsets }: Block): Uint32Array {
  const greatest = new Map<number, number>();
  const found: number[] = [];
  for (let row = 0; row < rows; row++) {
    const before = greatest.get(series[row]);
    if (before !== undefined && offsets[row] <= before) found.push(row);
    else greatest.set(series[row], offsets[row]);
  }
  // who is not newer than one of them is late
  return Uint32Array.from(found);
}

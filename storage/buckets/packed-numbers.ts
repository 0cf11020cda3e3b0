/**
 * Numbers as they are stored (`integers.ts`), which are added up without being unpacked. Of a plane whose numbers are p the values of a
 * stretch have the sum Σ (base + step · p); where they are differences, each is in as many values as there are from its place to the end
 * of the stretch, and so often it is counted. That is exact, or not done. Decimals are quotients, each of which is rounded: they are made
 * one by one, and added up where they are made.
 */
import type { RunningSums, Stretches } from '../../model/index.ts';
import { type StoredPlane, storedPlane } from './integers.ts';
import { addQuotients, hasQuotients, isWeighed, weigh } from './unpacking.ts';

/** Shorter stretches are added up more quickly from numbers that are unpacked. */
const STRETCH_ROWS_MIN = 32;
/** Of whole numbers below it, twice as many products and sums as there are here are exact. */
const EXACT_BELOW = 2 ** 51;
const NOTHING = new Uint32Array(0);

export class PackedNumbers {
  #plane: StoredPlane | null = null;
  #starts: Uint32Array = NOTHING;
  #words: Uint32Array = NOTHING;
  #rows = 0;
  /** null: they are integers. */
  #scale: number | null = null;
  /** The sum of no stretches of whole numbers is greater. */
  #most = 0;
  /** How far a run has been followed: the whole number of the row before, if that is of the run. */
  #run = 0;
  #row = 0;
  #before = 0;
  readonly #found = new Float64Array(3);

  /**
   * Those that stand from word `at` on, until they are no longer there; `scale`: as decimals, divided by it. False: they have to be
   * unpacked.
   */
  load(words: Uint32Array, at: number, rows: number, starts: Uint32Array, scale: number | null): boolean {
    const plane = storedPlane({ words, at }, rows, starts);
    if (plane === null || !isWeighed(rows, plane.width)) return false;
    const { base, step, width, firsts } = plane;
    const reach = Math.max(Math.abs(base), Math.abs(base + step * ((1 << width) - 1)));
    let first = 0;
    if (firsts !== null) for (const value of firsts) first = Math.max(first, Math.abs(value));
    const greatest = first + (firsts === null ? 1 : rows + 1) * reach;
    this.#most = rows * greatest;
    if (!(this.#most < EXACT_BELOW)) return false;
    if (scale !== null && (step !== 1 || greatest >= 2 ** 31 || !hasQuotients(rows, width))) return false;
    this.#plane = plane;
    this.#starts = starts;
    this.#words = words;
    this.#rows = rows;
    this.#scale = scale;
    this.#run = 0;
    this.#row = 0;
    return true;
  }

  /** False: nothing was added, as stretches are short, or sums of integers might be rounded. */
  addStretches({ count, from, to, slots }: Stretches, into: RunningSums): boolean {
    const { sums } = into;
    let rows = 0;
    for (let i = 0; i < count; i++) rows += to[i] - from[i];
    if (rows < STRETCH_ROWS_MIN * count) return false;
    if (this.#scale !== null) {
      for (let i = 0; i < count; i++) this.#addDecimals(from[i], to[i], this.#scale, slots[i], into);
      return true;
    }
    for (let i = 0; i < count; i++) {
      if (!(Math.abs(sums[slots[i]]) + this.#most < 2 * EXACT_BELOW)) return false;
    }
    for (let i = 0; i < count; i++) sums[slots[i]] += this.#sumOf(from[i], to[i]);
    return true;
  }

  // private functions

  #sumOf(from: number, to: number): number {
    const { base, step, firsts } = this.#plane!;
    if (firsts === null) return (to - from) * base + step * this.#weigh(from, to)[0];
    let sum = 0;
    for (let row = from; row < to; ) {
      const end = this.#goTo(row, to);
      sum += this.#sumInRun(row, end);
      row = end;
    }
    return sum;
  }

  #addDecimals(from: number, to: number, scale: number, slot: number, into: RunningSums): void {
    const { firsts } = this.#plane!;
    if (firsts === null) {
      this.#addQuotients(from, to, scale, null, slot, into);
      return;
    }
    for (let row = from; row < to; ) {
      const end = this.#goTo(row, to);
      if (row === this.#starts[this.#run]) addTo(slot, this.#before / scale, 0, into);
      if (end > this.#row) {
        this.#addQuotients(this.#row, end, scale, this.#before, slot, into);
        this.#before = this.#found[2];
        this.#row = end;
      }
      row = end;
    }
  }

  #addQuotients(from: number, to: number, scale: number, before: number | null, slot: number, into: RunningSums): void {
    const { at, width, base } = this.#plane!;
    const line = { base, step: 1, scale };
    addQuotients(this.#words, at, this.#rows, width, { from, to }, line, before, this.#found);
    addTo(slot, this.#found[0], this.#found[1], into);
  }

  /** Of rows [from, to), which are all of the run that is followed. */
  #sumInRun(from: number, to: number): number {
    const { base, step } = this.#plane!;
    const sum = from === this.#starts[this.#run] ? this.#before : 0;
    const rows = to - this.#row;
    if (rows <= 0) return sum;
    const before = rows * this.#before + (base * rows * (rows + 1)) / 2;
    return sum + before + step * this.#follow(to);
  }

  /** Follows the row's run to the row, or to the one behind its first; gives where the run ends, or the stretch. */
  #goTo(row: number, to: number): number {
    const starts = this.#starts;
    let run = starts[this.#run] <= row ? this.#run : 0;
    while (run + 1 < starts.length && starts[run + 1] <= row) run++;
    const start = starts[run];
    if (run !== this.#run || row < this.#row || this.#row <= start) {
      this.#run = run;
      this.#row = start + 1;
      this.#before = this.#plane!.firsts![run];
    }
    if (row > this.#row) this.#follow(row);
    return run + 1 < starts.length ? Math.min(to, starts[run + 1]) : to;
  }

  /** Moves on to that row; gives the sum of the packed numbers on the way, by their weights. */
  #follow(to: number): number {
    const { base, step } = this.#plane!;
    const found = this.#weigh(this.#row, to);
    this.#before += (to - this.#row) * base + step * found[0];
    this.#row = to;
    return found[1];
  }

  #weigh(from: number, to: number): Float64Array {
    const { at, width } = this.#plane!;
    weigh(this.#words, at, this.#rows, width, from, to, this.#found);
    return this.#found;
  }
}

// private functions

/** Two-sum (Knuth). */
function addTo(slot: number, x: number, rest: number, { sums, lost }: RunningSums): void {
  const a = sums[slot];
  const sum = a + x;
  const b = sum - a;
  sums[slot] = sum;
  lost[slot] += a - (sum - b) + (x - b) + rest;
}

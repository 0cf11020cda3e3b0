/**
 * Whole numbers as they are stored (`integers.ts`), which are added up without being unpacked. Of a plane whose numbers are p the values of
 * a stretch have the sum Σ (base + step · p); where they are differences, each is in as many values as there are from its place to the end
 * of the stretch, and so often it is counted. That is exact, or not done.
 */
import type { RunningSums, Stretches } from '../../model/index.ts';
import { type StoredPlane, storedPlane } from './integers.ts';
import { isWeighed, weigh } from './unpacking.ts';

/** Shorter stretches are added up more quickly from numbers that are unpacked. */
const STRETCH_ROWS_MIN = 32;
/** Of whole numbers below it, twice as many products and sums as there are here are exact. */
const EXACT_BELOW = 2 ** 51;
const NOTHING = new Uint32Array(0);

export class PackedIntegers {
  #plane: StoredPlane | null = null;
  #starts: Uint32Array = NOTHING;
  #words: Uint32Array = NOTHING;
  #rows = 0;
  /** The sum of no stretches of them is greater. */
  #most = 0;
  /** How far a run has been followed: the value of the row before, if that is of the run. */
  #run = 0;
  #row = 0;
  #before = 0;
  readonly #weighed = new Float64Array(2);

  /** Those that stand from word `at` on, until they are no longer there. False: they have to be unpacked. */
  load(words: Uint32Array, at: number, rows: number, starts: Uint32Array): boolean {
    const plane = storedPlane({ words, at }, rows, starts);
    if (plane === null || !isWeighed(rows, plane.width)) return false;
    const { base, step, width, firsts } = plane;
    const reach = Math.max(Math.abs(base), Math.abs(base + step * ((1 << width) - 1)));
    let first = 0;
    if (firsts !== null) for (const value of firsts) first = Math.max(first, Math.abs(value));
    this.#most = rows * (first + (firsts === null ? 1 : rows + 1) * reach);
    this.#plane = plane;
    this.#starts = starts;
    this.#words = words;
    this.#rows = rows;
    this.#run = 0;
    this.#row = 0;
    return this.#most < EXACT_BELOW;
  }

  /** False: nothing was added, as stretches are short, or sums might be rounded. */
  addStretches({ count, from, to, slots }: Stretches, { sums }: RunningSums): boolean {
    let rows = 0;
    for (let i = 0; i < count; i++) {
      rows += to[i] - from[i];
      if (!(Math.abs(sums[slots[i]]) + this.#most < 2 * EXACT_BELOW)) return false;
    }
    if (rows < STRETCH_ROWS_MIN * count) return false;
    for (let i = 0; i < count; i++) sums[slots[i]] += this.#sumOf(from[i], to[i]);
    return true;
  }

  // private functions

  #sumOf(from: number, to: number): number {
    const { base, step, firsts } = this.#plane!;
    if (firsts === null) return (to - from) * base + step * this.#weigh(from, to)[0];
    let sum = 0;
    for (let row = from; row < to; ) {
      const run = this.#runOf(row);
      const end = run + 1 < this.#starts.length ? Math.min(to, this.#starts[run + 1]) : to;
      sum += this.#sumInRun(run, firsts[run], row, end);
      row = end;
    }
    return sum;
  }

  #runOf(row: number): number {
    const starts = this.#starts;
    let run = starts[this.#run] <= row ? this.#run : 0;
    while (run + 1 < starts.length && starts[run + 1] <= row) run++;
    return run;
  }

  /** Of rows [from, to), which are all of the run. */
  #sumInRun(run: number, first: number, from: number, to: number): number {
    const { base, step } = this.#plane!;
    if (run !== this.#run || from < this.#row || this.#row === 0) {
      this.#run = run;
      this.#row = this.#starts[run] + 1;
      this.#before = first;
    }
    let sum = 0;
    if (from === this.#starts[run]) sum = first;
    else if (from > this.#row) this.#follow(from);
    const rows = to - this.#row;
    if (rows <= 0) return sum;
    sum += rows * this.#before + (base * rows * (rows + 1)) / 2;
    return sum + step * this.#follow(to);
  }

  /** Moves to that row; gives the sum of the packed numbers on the way, by their weights. */
  #follow(to: number): number {
    const { base, step } = this.#plane!;
    const weighed = this.#weigh(this.#row, to);
    this.#before += (to - this.#row) * base + step * weighed[0];
    this.#row = to;
    return weighed[1];
  }

  #weigh(from: number, to: number): Float64Array {
    const { at, width } = this.#plane!;
    weigh(this.#words, at, this.#rows, width, from, to, this.#weighed);
    return this.#weighed;
  }
}

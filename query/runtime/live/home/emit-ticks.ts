/**
 * EmitTicks: when the home of a live query tells what changed in open windows, and late revisions, as its EMIT says: so often, after so
 * many rows, and all of it so often whether it changed or not. It reads no clock.
 */
import type { TimeRules } from '../watermark.ts';

export class EmitTicks {
  readonly #everyMs: number;
  readonly #allEveryMs: number;
  readonly #afterRows: number;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #toldAllAtMs = Number.NEGATIVE_INFINITY;
  #rows = 0;

  constructor({ emitEvery, emitAllEvery, emitAfterRows }: TimeRules) {
    this.#everyMs = emitEvery === null ? Number.POSITIVE_INFINITY : Number(emitEvery) / 1e6;
    this.#allEveryMs = emitAllEvery === undefined ? Number.POSITIVE_INFINITY : Number(emitAllEvery) / 1e6;
    this.#afterRows = emitAfterRows ?? Number.POSITIVE_INFINITY;
  }

  /** So many rows have come. */
  count(rows: number): void {
    this.#rows += rows;
  }

  /** Changes may be told now. `waitedMs`: how much later than asked everything of the query comes. */
  changesDue(nowMs: number, waitedMs: number): boolean {
    return this.#rows >= this.#afterRows || isOver(this.#toldAtMs, nowMs, this.#everyMs + waitedMs);
  }

  /** All rows of open windows are to be told now. */
  allDue(nowMs: number, waitedMs: number): boolean {
    return isOver(this.#toldAllAtMs, nowMs, this.#allEveryMs + waitedMs);
  }

  /** By when `changesDue` holds if no row comes, ms. */
  changesMs(waitedMs: number): number {
    return this.#rows >= this.#afterRows ? this.#toldAtMs : nextOf(this.#toldAtMs, this.#everyMs + waitedMs);
  }

  /** By when `allDue` holds, ms. */
  allMs(waitedMs: number): number {
    return nextOf(this.#toldAllAtMs, this.#allEveryMs + waitedMs);
  }

  told(nowMs: number, all: boolean): void {
    this.#toldAtMs = nowMs;
    if (all) this.#toldAllAtMs = nowMs;
    this.#rows = 0;
  }
}

// private functions

function isOver(sinceMs: number, nowMs: number, lengthMs: number): boolean {
  if (lengthMs === Number.POSITIVE_INFINITY) return false;
  const elapsed = nowMs - sinceMs;
  return elapsed < 0 || elapsed >= lengthMs;
}

function nextOf(sinceMs: number, lengthMs: number): number {
  return lengthMs === Number.POSITIVE_INFINITY ? lengthMs : sinceMs + lengthMs;
}

/**
 * The order in which the points of a slot come to an aggregate on InfluxDB, which decides what it chooses among equals: that of time.
 * Points of one time come by how its iterators of the series lie in a binary heap, in the order of their keys at first: the point on
 * top is taken and its series put back. The heap is that of Go (`container/heap`), the places of equal items included.
 */
import type { Value } from '../../model/index.ts';
import type { PointList } from './kept-points.ts';
import { compareSplit } from './slot-time.ts';

/** Points of a slot beyond which nobody looks for this order: to find it takes some 20 ms of the thread. */
export const ARRIVALS_MAX = 50_000;

/** Which way the answer goes. */
export type Direction = 'ascending' | 'descending';

/** Of series, by the numbers that points have for them. */
interface Keys {
  readonly keys: readonly string[];
}

/**
 * All points in the order of time. `byName`: indexes of the values that each point carries, in the order in which those that are texts
 * decide between points of one time.
 */
export function arrivalByTime(
  points: PointList,
  kept: Keys,
  direction: Direction,
  byName: readonly number[],
): Uint32Array<ArrayBuffer> {
  const runs = seriesRuns(points, kept, direction);
  if (runs.length === 1) return runs[0];
  const sign = direction === 'ascending' ? 1 : -1;
  const at = runs.map(() => 0);
  const before = (x: number, y: number): boolean => {
    const [a, b] = [runs[x][at[x]], runs[y][at[y]]];
    const later = compareTimes(points, a, b);
    if (later !== 0) return later * sign < 0;
    for (const c of byName) {
      const [v, w] = [points.carried[a * byName.length + c], points.carried[b * byName.length + c]];
      if (!isText(v) || !isText(w)) return false;
      if (v !== w) return v < w === sign > 0;
    }
    return false;
  };
  const heap = new Heap(runs.length, before);
  const order = new Uint32Array(points.values.length);
  for (let i = 0; i < order.length; i++) {
    const run = heap.pop();
    order[i] = runs[run][at[run]++];
    if (at[run] < runs[run].length) heap.push(run);
  }
  return order;
}

/**
 * Of a group in windows: for each window, in the order of the answer, the series in the order in which their points of it come. InfluxDB
 * takes a series' points of a window together and puts the series back into the heap, which goes by windows then: so the places of equal
 * items hang on all windows before. `windows`: the numbers of the series that have points in each.
 */
export function* arrivalByWindow(
  windows: readonly (readonly number[])[],
  { keys }: Keys,
  direction: Direction,
): Generator<readonly number[]> {
  const runs = windowRuns(windows, keys, direction);
  const at = runs.map(() => 0);
  const windowOf = (run: number): number => runs[run].windows[at[run]];
  const heap = new Heap(runs.length, (x, y) => windowOf(x) < windowOf(y));
  for (const [window, there] of windows.entries()) {
    const order: number[] = [];
    while (order.length < there.length) {
      const run = heap.pop();
      order.push(runs[run].series);
      if (windowOf(run) !== window) throw new Error('a series is ahead of its window');
      if (++at[run] < runs[run].windows.length) heap.push(run);
    }
    yield order;
  }
}

/** Negative where point a is earlier than point b. */
export function compareTimes({ times }: PointList, a: number, b: number): number {
  return compareSplit(times[a * 2], times[a * 2 + 1], times[b * 2], times[b * 2 + 1]);
}

// private functions

/** Of each series its points in order of time, the series by key. */
function seriesRuns(points: PointList, { keys }: Keys, direction: Direction): Uint32Array<ArrayBuffer>[] {
  const sign = direction === 'ascending' ? 1 : -1;
  const bySeries = new Map<number, number[]>();
  for (const [i, series] of points.series.entries()) {
    const run = bySeries.get(series);
    if (run === undefined) bySeries.set(series, [i]);
    else run.push(i);
  }
  return [...bySeries]
    .sort(([a], [b]) => (keys[a] < keys[b] ? -sign : sign))
    .map(([, run]) => Uint32Array.from(run).sort((a, b) => compareTimes(points, a, b) * sign));
}

/** Of each series the windows in which it has points, the series by key. */
function windowRuns(
  windows: readonly (readonly number[])[],
  keys: readonly string[],
  direction: Direction,
): { readonly series: number; readonly windows: readonly number[] }[] {
  const sign = direction === 'ascending' ? 1 : -1;
  const bySeries = new Map<number, number[]>();
  for (const [window, there] of windows.entries()) {
    for (const series of there) {
      const run = bySeries.get(series);
      if (run === undefined) bySeries.set(series, [window]);
      else run.push(window);
    }
  }
  return [...bySeries]
    .sort(([a], [b]) => (keys[a] < keys[b] ? -sign : sign))
    .map(([series, run]) => ({ series, windows: run }));
}

function isText(value: Value): value is string {
  return typeof value === 'string';
}

/** The numbers 0 … count − 1 at first. */
class Heap {
  readonly #items: number[] = [];
  readonly #before: (a: number, b: number) => boolean;

  constructor(count: number, before: (a: number, b: number) => boolean) {
    this.#before = before;
    for (let i = 0; i < count; i++) this.#items.push(i);
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#down(i, count);
  }

  pop(): number {
    const last = this.#items.length - 1;
    this.#swap(0, last);
    this.#down(0, last);
    return this.#items.pop()!;
  }

  push(item: number): void {
    this.#items.push(item);
    for (let at = this.#items.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#before(this.#items[at], this.#items[parent])) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  // private functions

  #down(from: number, count: number): void {
    for (let at = from; ; ) {
      let child = 2 * at + 1;
      if (child >= count) return;
      if (child + 1 < count && this.#before(this.#items[child + 1], this.#items[child])) child++;
      if (!this.#before(this.#items[child], this.#items[at])) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    [this.#items[a], this.#items[b]] = [this.#items[b], this.#items[a]];
  }
}

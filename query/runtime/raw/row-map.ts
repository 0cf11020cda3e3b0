/**
 * RowMap: about how many rows lie where in time, from the extents that a source tells of. The rows of an extent are taken to lie evenly
 * in it. It says where to cut a time range so that the parts have about as many rows as can be held; whoever cuts must be ready to
 * find more.
 */
import type { TimeRange } from '../source/source.ts';

/** Of the rows up to a cut, the part that may be read once more behind it. */
const ACROSS_MAX = 0.5;

export class RowMap {
  readonly min: bigint;
  readonly max: bigint;
  /** Ascending times, ns from `min` as doubles, and the rows before each. */
  readonly #times: number[] = [];
  readonly #before: number[] = [];
  /** Rows of the extents that begin before each of the times and end behind it: who cuts there has them read twice. */
  readonly #across: number[] = [];
  /** Whether an extent begins there; else one ends. */
  readonly #begins: boolean[] = [];

  /** Of the rows in a range. `extents` calls back with each; null where there is none. */
  static of(
    range: TimeRange,
    extents: (each: (min: bigint, max: bigint, rows: number) => void) => void,
  ): RowMap | null {
    const found: Extent[] = [];
    extents((min, max, rows) => {
      if (min >= range.min && max <= range.max) found.push({ min, max, rows });
      else if (min <= range.max && max >= range.min) found.push(partOf({ min, max, rows }, range));
    });
    return found.length === 0 ? null : new RowMap(found);
  }

  private constructor(extents: readonly Extent[]) {
    let { min, max } = extents[0];
    for (const extent of extents) {
      if (extent.min < min) min = extent.min;
      if (extent.max > max) max = extent.max;
    }
    this.min = min;
    this.max = max;
    const edges: { time: number; density: number; rows: number }[] = [];
    for (const extent of extents) {
      const from = Number(extent.min - min);
      // far from `min` doubles are more than 1 ns apart
      const to = Math.max(Number(extent.max - min), from + Math.max(1, 2 * Number.EPSILON * from));
      const density = extent.rows / (to - from);
      edges.push({ time: from, density, rows: extent.rows }, { time: to, density: -density, rows: -extent.rows });
    }
    // where one ends and another begins, nothing goes on
    edges.sort((a, b) => a.time - b.time || a.rows - b.rows);
    let density = 0;
    let rows = 0;
    let open = 0;
    for (const [i, edge] of edges.entries()) {
      if (i > 0) rows += density * (edge.time - edges[i - 1].time);
      this.#times.push(edge.time);
      this.#before.push(rows);
      this.#across.push(edge.rows < 0 ? open + edge.rows : open);
      this.#begins.push(edge.rows >= 0);
      open += edge.rows;
      density = Math.max(0, density + edge.density);
    }
  }

  get rows(): number {
    return this.#before[this.#before.length - 1];
  }

  /** About how many rows lie before a time. */
  rowsBefore(time: bigint): number {
    const at = Number(time - this.min);
    const i = upperBound(this.#times, at);
    if (i === 0) return 0;
    if (i === this.#times.length) return this.rows;
    const part = (at - this.#times[i - 1]) / (this.#times[i] - this.#times[i - 1]);
    return this.#before[i - 1] + part * (this.#before[i] - this.#before[i - 1]);
  }

  /**
   * Where a range is best cut that begins, in the order of who asks, behind `done` rows: at the first edge where extents end that leaves
   * from `least` to `most` rows to the range, and of others that go on there less than a part of them. null = there is none.
   */
  edgeAfter(done: number, least: number, most: number, descending: boolean): bigint | null {
    const count = this.#times.length;
    for (let k = 0; k < count; k++) {
      const i = descending ? count - 1 - k : k;
      const rows = (descending ? this.rows - this.#before[i] : this.#before[i]) - done;
      if (rows > most) return null;
      const isEnd = this.#begins[i] === descending && this.#across[i] <= rows * ACROSS_MAX;
      if (isEnd && rows >= least) return this.min + BigInt(Math.round(this.#times[i]));
    }
    return null;
  }

  /** The time before which about so many rows lie. */
  timeAt(rows: number): bigint {
    const i = upperBound(this.#before, rows);
    if (i === 0) return this.min;
    if (i === this.#before.length) return this.max;
    const part = (rows - this.#before[i - 1]) / (this.#before[i] - this.#before[i - 1]);
    return this.min + BigInt(Math.floor(this.#times[i - 1] + part * (this.#times[i] - this.#times[i - 1])));
  }
}

// private functions

interface Extent extends TimeRange {
  readonly rows: number;
}

function partOf({ min, max, rows }: Extent, range: TimeRange): Extent {
  const from = min < range.min ? range.min : min;
  const to = max > range.max ? range.max : max;
  return { min: from, max: to, rows: Math.ceil((rows * Number(to - from + 1n)) / Number(max - min + 1n)) };
}

/** Index of the first entry that is greater. */
function upperBound(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

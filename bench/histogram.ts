/** Latencies as counts by half milliseconds, so that those of many periods can be put together and drawn again; and how sure a ratio is. */

const BINS_PER_MS = 2;
const BINS = 10_000 * BINS_PER_MS;
/** Times that an interval draws. */
const DRAWS = 1_000;

export class Histogram {
  readonly #counts = new Float64Array(BINS);
  count = 0;

  /** Beyond its ends at its ends. */
  add(ms: number): void {
    this.#counts[Math.min(BINS - 1, Math.max(0, Math.floor(ms * BINS_PER_MS)))]++;
    this.count++;
  }

  static sum(all: readonly Histogram[]): Histogram {
    const sum = new Histogram();
    for (const one of all) {
      for (let bin = 0; bin < BINS; bin++) sum.#counts[bin] += one.#counts[bin];
      sum.count += one.count;
    }
    return sum;
  }

  /** Between the ends of its bin, by rank; NaN where nothing was added. */
  quantile(q: number): number {
    const rank = q * this.count;
    let below = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const here = this.#counts[bin];
      if (here > 0 && below + here >= rank) return (bin + (rank - below) / here) / BINS_PER_MS;
      below += here;
    }
    return Number.NaN;
  }
}

/** Where 95 % of the values lie that come out of as many items, drawn with repetition (bootstrap, percentile method). */
export function intervalOf95<T>(items: readonly T[], of: (drawn: readonly T[]) => number): [number, number] {
  const values = Float64Array.from({ length: DRAWS }, () =>
    of(items.map(() => items[Math.floor(Math.random() * items.length)])),
  ).sort();
  return [values[Math.floor(0.025 * DRAWS)], values[Math.floor(0.975 * DRAWS)]];
}

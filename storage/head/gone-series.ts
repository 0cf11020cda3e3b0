/**
 * Series of a measurement whose rows have all been deleted: they keep their numbers, and are there again with their next row. And how
 * it is found out that a series has no rows left.
 */
import type { RowLayer, TimeRange } from './row-layer.ts';

export class GoneSeries {
  count = 0;
  /** Grows with every change. */
  version = 0;
  #mask = new Uint8Array(0);

  has(series: number): boolean {
    return this.#mask[series] === 1;
  }

  add(series: number): void {
    if (series >= this.#mask.length) {
      const longer = new Uint8Array(2 ** Math.ceil(Math.log2(series + 1)));
      longer.set(this.#mask);
      this.#mask = longer;
    }
    if (this.#mask[series] === 1) return;
    this.#mask[series] = 1;
    this.count++;
    this.version++;
  }

  /** The series that these rows are of are there. */
  revive(numbers: Uint32Array): void {
    if (this.count === 0) return;
    for (const series of numbers) {
      if (this.#mask[series] !== 1) continue;
      this.#mask[series] = 0;
      this.count--;
      this.version++;
    }
  }

  /** Ascending. */
  list(): Uint32Array<ArrayBuffer> {
    const list = new Uint32Array(this.count);
    let at = 0;
    for (let series = 0; at < list.length; series++) if (this.#mask[series] === 1) list[at++] = series;
    return list;
  }

  /** Exactly these are gone. */
  restore(list: Uint32Array): void {
    this.#mask = new Uint8Array(0);
    this.count = 0;
    for (const series of list) this.add(series);
  }
}

/**
 * Takes the series out of `candidates` that have a row at any time. Layers are read until none is left, the newest first, one field
 * after the other: mostly a few blocks. What a layer cannot tell now (it is far away, or damaged) counts as rows.
 */
export function dropSurvivors(
  candidates: Uint8Array,
  layers: readonly RowLayer[],
  fields: Iterable<string>,
  unreadable: (error: unknown) => boolean,
): void {
  let left = candidates.reduce((sum, wanted) => sum + wanted, 0);
  const names = [...fields];
  const take = (series: number): void => {
    left -= candidates[series];
    candidates[series] = 0;
  };
  for (let at = layers.length - 1; at >= 0 && left > 0; at--) {
    const layer = layers[at];
    const { min, max } = timesOf(layer);
    try {
      for (const name of names) {
        for (const step of layer.scan(min, max, candidates, [name])) {
          if (step instanceof Promise) throw new Error('a layer that was not asked to wait gave a promise');
          const { series, selection, rows } = step;
          const count = selection?.length ?? rows;
          for (let i = 0; i < count; i++) take(series[selection === null ? i : selection[i]]);
          if (left === 0) return;
        }
      }
    } catch (error) {
      if (!unreadable(error)) throw error;
      for (let series = 0; series < candidates.length; series++) take(series);
      return;
    }
  }
}

// private functions

function timesOf({ minTime, maxTime }: RowLayer): TimeRange {
  return { min: minTime, max: maxTime };
}

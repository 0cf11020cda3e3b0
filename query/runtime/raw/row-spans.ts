/** Spans of time in which rows are read one after the other, cut by what is known of where rows lie (row-map.ts). */

import type { TimeRange } from '../source/source.ts';
import type { RowMap } from './row-map.ts';

/** Of rows in order of time: fewer are not worth a span of their own. */
const SPAN_ROWS_MIN = 32_768;

/** Spans of time that lie one after the other in the order of the answer, each with about `growth` times the rows of the one before. */
export function* spans(map: RowMap, descending: boolean, firstRows: number, growth: number): Generator<TimeRange> {
  const { min, max, rows: all } = map;
  let rows = firstRows;
  for (let done = 0, edge = descending ? max : min; ; rows *= growth) {
    done += rows;
    // not `>=`: were one of them no number, this would never end
    if (!(done < all)) {
      yield descending ? { min, max: edge } : { min: edge, max };
      return;
    }
    const cut = map.timeAt(descending ? all - done : done);
    if (descending ? cut > edge || cut < min : cut < edge || cut > max) continue;
    yield descending ? { min: cut, max: edge } : { min: edge, max: cut };
    edge = descending ? cut - 1n : cut + 1n;
  }
}

/**
 * The same of at most so many rows, and no more than are read together anyway: what is in order leaves while the rest is read. Where
 * nothing ends in time, a span has as many rows as it may.
 */
export function* edgeSpans(map: RowMap, descending: boolean, rowsMax: number): Generator<TimeRange> {
  const { min, max, rows: all } = map;
  const least = Math.min(SPAN_ROWS_MIN, rowsMax / 2);
  for (let done = 0, edge = descending ? max : min; ; ) {
    const found = all - done > least ? map.edgeAfter(done, least, rowsMax, descending) : null;
    const isLast = found === null ? !(done + rowsMax < all) : descending ? found <= min : found >= max;
    if (isLast) {
      yield descending ? { min, max: edge } : { min: edge, max };
      return;
    }
    const cut = found ?? map.timeAt(descending ? all - done - rowsMax : done + rowsMax);
    if (found === null) done += rowsMax;
    else done = descending ? all - map.rowsBefore(cut) : map.rowsBefore(cut);
    if (descending ? cut > edge || cut < min : cut < edge || cut > max) continue;
    yield descending ? { min: cut, max: edge } : { min: edge, max: cut };
    edge = descending ? cut - 1n : cut + 1n;
  }
}

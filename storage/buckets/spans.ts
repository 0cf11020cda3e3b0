/** Which blocks are read together. Pure. */
import type { ByteRange } from './layout.ts';

/** Blocks with less than this between them are read in one go. */
const GAP_BYTES_MAX = 16 * 1024;

export interface Span {
  readonly first: number;
  last: number;
  length: number;
}

/** Neighbours among the places (first .. last) that are read in one go, and how many bytes that is. */
export function spansOf(places: readonly ByteRange[]): Span[] {
  const spans: Span[] = [];
  places.forEach(({ at, length }, i) => {
    const span = spans[spans.length - 1];
    const start = span === undefined ? 0 : places[span.first].at;
    if (span !== undefined && at - start - span.length <= GAP_BYTES_MAX) {
      span.last = i;
      span.length = Math.max(span.length, at + length - start);
    } else spans.push({ first: i, last: i, length });
  });
  return spans;
}

/** Which blocks are read together. Pure. */
import type { ByteRange } from './layout.ts';

/** Blocks with less than this between them are read in one go. */
const GAP_BYTES_MAX = 16 * 1024;

export interface Span {
  readonly first: number;
  last: number;
  length: number;
}

/** Parts of a file; what touches becomes one. */
export class Ranges {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  add(at: number, length: number): void {
    if (length === 0) return;
    const last = this.#starts.length - 1;
    if (last >= 0 && at === this.#ends[last]) this.#ends[last] = at + length;
    // times that a chunk shares with the one before
    else if (last < 0 || at < this.#starts[last] || at >= this.#ends[last]) {
      this.#starts.push(at);
      this.#ends.push(at + length);
    }
  }

  ascending(): ByteRange[] {
    return this.#starts.map((at, i) => ({ at, length: this.#ends[i] - at })).sort((a, b) => a.at - b.at);
  }
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

/**
 * Decoded times that a scan uses again: many series are measured at the same times, and chunks of theirs share a block, or repeat what
 * the last one said.
 */

/** Blocks of times that are kept for the chunks that share them. */
export const SHARED_PLACES_MAX = 64;
/** Times without a pattern take more words, and do not repeat themselves. */
const REPEATED_WORDS_MAX = 256;

export class SharedTimes {
  readonly #byPlace = new Map<number, Float64Array>();
  #last: { readonly words: Uint32Array; readonly starts: Uint32Array; readonly times: Float64Array } | null = null;

  /** Of the block that stands there, for chunks of one series. */
  at(place: number): Float64Array | undefined {
    return this.#byPlace.get(place);
  }

  keep(place: number, times: Float64Array): void {
    if (this.#byPlace.size === SHARED_PLACES_MAX) this.#byPlace.clear();
    this.#byPlace.set(place, times);
  }

  /** Of chunks of several series: those that are remembered, if these are their words, rows and runs. */
  repeated(words: Uint32Array, rows: number, starts: Uint32Array): Float64Array | null {
    const last = this.#last;
    if (last?.times.length === rows && isSame(last.words, words) && isSame(last.starts, starts)) return last.times;
    return null;
  }

  /** Until the next. They must not be decoded over before. */
  remember(words: Uint32Array, starts: Uint32Array, times: Float64Array): void {
    this.#last = words.length > REPEATED_WORDS_MAX ? null : { words: words.slice(), starts, times };
  }
}

// private functions

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

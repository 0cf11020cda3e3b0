/**
 * An array of 32-bit numbers that grows without ever being copied as a whole, so that nobody waits for its growth and little of it stands
 * empty: parts of SEGMENT_WORDS, of which only the first begins small. What was never set is 0.
 */

const SEGMENT_BITS = 14;
const SEGMENT_WORDS = 1 << SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT_WORDS - 1;
const FIRST_WORDS_MIN = 16;

export class GrowingWords {
  /** Room there is. */
  length = FIRST_WORDS_MIN;
  readonly #segments: Uint32Array[] = [new Uint32Array(FIRST_WORDS_MIN)];

  get bytes(): number {
    return 4 * this.length;
  }

  /** Below `length`. */
  get(index: number): number {
    return this.#segments[index >>> SEGMENT_BITS][index & SEGMENT_MASK];
  }

  /** Below `length`. */
  set(index: number, word: number): void {
    this.#segments[index >>> SEGMENT_BITS][index & SEGMENT_MASK] = word;
  }

  /** Makes room for this many. */
  reserve(words: number): void {
    while (this.length < words) {
      if (this.length < SEGMENT_WORDS) {
        const longer = new Uint32Array(2 * this.length);
        longer.set(this.#segments[0]);
        this.#segments[0] = longer;
        this.length = longer.length;
      } else {
        this.#segments.push(new Uint32Array(SEGMENT_WORDS));
        this.length += SEGMENT_WORDS;
      }
    }
  }
}

/** Small whole numbers as bytes of a text, from a table: most numbers of most answers are. */

const COMMA = 0x2c;
const ZERO = 0x30;

/** Whole numbers below are written from a table: each with a comma before its digits, least byte first, and how many bytes that is. */
export const SMALL_END = 1_000;
export const SMALL_TEXTS = new Int32Array(SMALL_END);
export const SMALL_LENGTHS = new Uint8Array(SMALL_END);
/** The same numbers with zeros in front, three bytes each. */
export const PADDED_TEXTS = new Int32Array(SMALL_END);
/** Instead of the length of a number: it is written digit by digit; there is none. */
export const NOT_SMALL = 0;
export const NO_NUMBER = 0xff;

for (let value = 0; value < SMALL_END; value++) {
  const digits = [Math.floor(value / 100), Math.floor(value / 10) % 10, value % 10].map((digit) => ZERO + digit);
  const own = digits.slice(value < 10 ? 2 : value < 100 ? 1 : 0);
  SMALL_TEXTS[value] = [COMMA, ...own].reduceRight((word, byte) => (word << 8) | byte, 0);
  SMALL_LENGTHS[value] = 1 + own.length;
  PADDED_TEXTS[value] = digits.reduceRight((word, byte) => (word << 8) | byte, 0);
}

/** Numbers of rows next to each other, row by row: of row i those from i · columns on. What is not in the table has its `values`. */
export interface NumberCells {
  readonly columns: number;
  readonly texts: Int32Array;
  /** Or NOT_SMALL, or NO_NUMBER. */
  readonly lengths: Uint8Array;
  readonly values: Float64Array;
  /** By column. */
  readonly areFloats: readonly boolean[];
}

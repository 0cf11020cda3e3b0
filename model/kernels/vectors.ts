/** What several kernels say of vectors of 16 bytes and of addresses. */
import { type Code, get, i32, type Local, set, v128 } from './instructions.ts';

export const WORD = 4;
export const DOUBLE = 8;
export const VECTOR = 16;

/** Bytes of a shuffle's operands, those of the second from 16 on. */
const UPPER_TWICE = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
const ZERO = v128.ofDoubles(0, 0);

/** Code for two values of 64 bits in a vector, and the same for one. */
export interface OnPairs {
  two(values: Code): Code;
  one(value: Code): Code;
}

/** The upper half of a vector, in both of its halves. */
export function upper(vector: Local): Code {
  return v128.shuffle(get(vector), get(vector), UPPER_TWICE);
}

/** The last word of a vector, in all four places. */
export function lastWord(vector: Local): Code {
  return v128.shuffle(
    get(vector),
    get(vector),
    Array.from({ length: VECTOR }, (_, i) => VECTOR - WORD + (i % WORD)),
  );
}

/** A vector moved up by so many bytes, zeros below. */
export function movedUp(vector: Local, bytes: number): Code {
  const from = VECTOR - bytes;
  return v128.shuffle(
    ZERO,
    get(vector),
    Array.from({ length: VECTOR }, (_, i) => from + i),
  );
}

/** Units of so many bytes of two vectors in turn: those of their lower halves, or of their upper. */
export function interleaved(a: Local, b: Local, unit: number, half: 'lower' | 'upper'): Code {
  const bytes: number[] = [];
  for (let at = half === 'lower' ? 0 : VECTOR / 2; bytes.length < VECTOR; at += unit) {
    for (const first of [at, VECTOR + at]) for (let i = 0; i < unit; i++) bytes.push(first + i);
  }
  return v128.shuffle(get(a), get(b), bytes);
}

export function advance(local: Local, by: number): Code {
  return set(local, i32.add(get(local), i32.const(by)));
}

/**
 * How kernels go through packed numbers (`buckets/packing.ts`): row by row, row k being the k-th numbers of all lanes. Those of a row
 * have the same shift and stand in words that follow each other, so four of them are loaded, shifted and masked at once; the last of a
 * row, three at most, one by one.
 *
 * A number's bits are taken from two words without a branch, `word >>> shift | next << 32 − shift`: of a number that ends in its own word
 * the mask leaves nothing of the next. So words up to one row behind a plane are read, and mean nothing. Where all numbers of a row end
 * in their own words, as in most rows of narrow numbers, vectors are of that word alone, and eight numbers are taken before it is asked
 * whether there are more.
 */
import {
  advance,
  type Code,
  DOUBLE,
  type FunctionWriter,
  get,
  I32,
  i32,
  i32x4,
  i64,
  type Local,
  loop,
  set,
  V128,
  VECTOR,
  v128,
  WORD,
} from '../../model/kernels/index.ts';

/** Parameters: where packed numbers stand, and how wide they are. */
export const PLANE = { source: I32, width: I32 } as const;
/** A plane of the low words of 64-bit numbers, and one of the high. */
export const PAIR = { source: I32, width: I32, highSource: I32, highWidth: I32 } as const;
/** Where n results go, of 8 bytes each. */
export const TARGET = { out: I32, n: I32 } as const;

export type PlaneFunction = FunctionWriter<keyof typeof PLANE | keyof typeof TARGET>;
export type PairFunction = FunctionWriter<keyof typeof PAIR | keyof typeof TARGET>;

/** Packed numbers, as `eachRow` goes through them. */
export interface Plane {
  /** Where the row's next number stands. */
  readonly at: Local;
  /** Of a lane, where the next row begins: 0 at first. */
  readonly bit: Local;
  readonly start: readonly Code[];
  /** Puts `at` at the beginning of the first row, then of the row after. */
  readonly nextRow: readonly Code[];
  /** 1: the row's numbers go on in the words of the next. */
  readonly crosses: Code;
  /** The next four numbers as words of a vector, wherever they end; those of a row that does not cross, so many bytes on; the next one. */
  readonly four: Code;
  readonly within: (offset: number) => Code;
  readonly one: Code;
}

export interface Pair {
  readonly low: Plane;
  readonly high: Plane;
  /** The next number, of both halves. */
  readonly one: Code;
}

/**
 * What is done with each four numbers of a row (as vectors, by planes), whose results go to `out` and so many bytes on; and then with
 * each one of the rest; what before the fours, and behind them.
 */
export interface RowBody {
  readonly beforeFours?: Code;
  readonly four: (numbers: readonly Code[], outOffset: number) => readonly Code[];
  readonly behindFours?: Code;
  readonly one: readonly Code[];
}

export function planeOf(f: PlaneFunction): Plane {
  return packed(f, f.parameters.source, f.parameters.width);
}

export function pairOf(f: PairFunction): Pair {
  const { source, width, highSource, highWidth } = f.parameters;
  const low = packed(f, source, width);
  const high = packed(f, highSource, highWidth);
  return { low, high, one: i64.or(i64.ofUnsigned(low.one), i64.shl(i64.ofUnsigned(high.one), i64.const(32))) };
}

/** `out` is where the next result goes: it is moved on. */
export function eachRow(f: Target, planes: readonly Plane[], body: RowBody): void {
  const { out, n } = f.parameters;
  const { beforeFours = [], four, behindFours = [], one } = body;
  const [end, rowEnd, step] = f.locals(I32, 3);
  const [crosses] = f.locals(I32, 1);
  const isLeft = (count: number): Code => i32.isBelow(i32.add(get(out), i32.const((count - 1) * DOUBLE)), get(rowEnd));
  const moveOn = (count: number): Code[] => [
    ...planes.map(({ at }) => advance(at, count * WORD)),
    advance(out, count * DOUBLE),
  ];
  const within = (fours: number): readonly Code[] =>
    four(
      planes.map((plane) => plane.within(fours * VECTOR)),
      fours * 4 * DOUBLE,
    );
  f.push(
    set(end, i32.add(get(out), i32.shl(get(n), i32.const(3)))),
    set(step, i32.shl(lanesOf(f), i32.const(3))),
    ...planes.flatMap(({ start }) => start),
    loop(
      i32.isBelow(get(out), get(end)),
      set(rowEnd, i32.add(get(out), get(step))),
      set(rowEnd, i32.select(get(rowEnd), get(end), i32.isBelow(get(rowEnd), get(end)))),
      ...planes.flatMap(({ nextRow }) => nextRow),
      beforeFours,
      set(
        crosses,
        planes.map((plane) => plane.crosses).reduce((any, next) => i32.or(any, next)),
      ),
      loop(
        i32.and(get(crosses), isLeft(4)),
        ...four(
          planes.map((plane) => plane.four),
          0,
        ),
        ...moveOn(4),
      ),
      loop(isLeft(8), ...within(0), ...within(1), ...moveOn(8)),
      loop(isLeft(4), ...within(0), ...moveOn(4)),
      behindFours,
      loop(isLeft(1), ...one, ...moveOn(1)),
    ),
  );
}

/** Numbers of a row. */
export function lanesOf(f: Target): Code {
  return i32.shiftRight(i32.add(get(f.parameters.n), i32.const(31)), i32.const(5));
}

// private functions

type Target = FunctionWriter<keyof typeof TARGET>;

function packed(f: Target, source: Local, width: Local): Plane {
  const [bit, at, shift, factor, rowBytes, mask] = f.locals(I32, 6);
  const [masks, factors] = f.locals(V128, 2);
  const [address, nextAddress] = [get(at), i32.add(get(at), get(rowBytes))];
  const isFull = i32.isBelow(i32.const(31), get(width));
  const row = [
    set(shift, i32.and(get(bit), i32.const(31))),
    // 2 ** (32 - shift) modulo 2 ** 32: a vector is multiplied by it more quickly than shifted
    set(factor, i32.shl(i32.shl(i32.const(1), i32.sub(i32.const(31), get(shift))), i32.const(1))),
    set(factors, i32x4.splat(get(factor))),
    set(at, i32.add(get(source), i32.mul(i32.shiftRight(get(bit), i32.const(5)), get(rowBytes)))),
    set(bit, i32.add(get(bit), get(width))),
  ];
  return {
    at,
    bit,
    start: [
      set(rowBytes, i32.shl(lanesOf(f), i32.const(2))),
      set(mask, i32.select(i32.const(-1), i32.sub(i32.shl(i32.const(1), get(width)), i32.const(1)), isFull)),
      set(masks, i32x4.splat(get(mask))),
    ],
    nextRow: row,
    crosses: i32.isBelow(i32.const(32), i32.add(get(shift), get(width))),
    within: (offset) => v128.and(i32x4.shiftRight(v128.load(address, offset), get(shift)), get(masks)),
    four: v128.and(
      v128.or(i32x4.shiftRight(v128.load(address), get(shift)), i32x4.mul(v128.load(nextAddress), get(factors))),
      get(masks),
    ),
    one: i32.and(
      i32.or(i32.shiftRight(i32.load(address), get(shift)), i32.mul(i32.load(nextAddress), get(factor))),
      get(mask),
    ),
  };
}

/**
 * Kernels that add up packed numbers where they stand, four at a time: `weigh` and `quotients` of `plain-unpacker.ts`. A stretch of them
 * may begin and end anywhere; it is gone through row by row, as `packed-rows.ts` does with all of them.
 */
import {
  advance,
  type Code,
  DOUBLE,
  F64,
  FunctionWriter,
  f64,
  f64x2,
  get,
  I32,
  i32,
  i32x4,
  type Local,
  lastWord,
  loop,
  movedUp,
  set,
  upper,
  V128,
  VECTOR,
  v128,
  WORD,
} from '../../model/kernels/index.ts';
import { multiplied } from './number-kernels.ts';
import { lanesOf, PLANE, type Plane, type PlaneFunction, planeOf, TARGET } from './packed-rows.ts';

/** Of 256 numbers, as a chunk's rows have, what `weigh` adds up stays within 32 bits. */
export const WEIGH_WIDTH_MAX = 20;

/** As a module exports them. Addresses are in its memory. Doubles go to `out`: of n numbers, those of [from, to) are taken. */
export function weighingKernels(isFused: boolean): FunctionWriter[] {
  return isFused ? [weigh(), quotients(false), quotients(true)] : [weigh()];
}

// private functions

const STRETCH = { from: I32, to: I32 } as const;

/**
 * The sum, and the weighted one. Of each fourth of a row's numbers s is the sum, and t what s is added to at each step: so the q-th of m
 * numbers is in t m − q times. What that says of the places of the numbers is worked out once a row, in doubles, which hold it exactly.
 */
function weigh(): FunctionWriter {
  const f = new FunctionWriter('weigh', { ...PLANE, ...TARGET, ...STRETCH });
  const { out, to } = f.parameters;
  const plane = planeOf(f);
  const [s, t, low, high, total, sums, weights] = f.locals(V128, 7);
  const [sum, weight] = f.locals(F64, 2);
  const number = f.local(I32);
  eachRowOf(f, plane, ({ from, byFours }) => ({
    beforeFours: [set(s, v128.ofDoubles(0, 0)), set(t, v128.ofDoubles(0, 0))],
    four: (packed) => [set(s, i32x4.add(get(s), packed)), set(t, i32x4.add(get(t), get(s)))],
    behindFours: [
      set(low, f64x2.ofLowUnsigned(get(s))),
      set(high, f64x2.ofLowUnsigned(upper(s))),
      set(total, f64x2.add(get(low), get(high))),
      set(sums, f64x2.add(get(sums), get(total))),
      // a number's weight is that of the row's first without its place in the row, which is 4 q and its place among four
      ...[
        f64x2.mul(get(total), f64x2.splat(f64.ofUnsigned(i32.sub(get(to), get(from))))),
        f64x2.mul(get(total), f64x2.splat(f64.ofSigned(i32.mul(byFours, i32.const(-1))))),
        f64x2.mul(f64x2.add(f64x2.ofLowUnsigned(get(t)), f64x2.ofLowUnsigned(upper(t))), v128.ofDoubles(4, 4)),
        f64x2.mul(get(low), v128.ofDoubles(-0, -1)),
        f64x2.mul(get(high), v128.ofDoubles(-2, -3)),
      ].map((part) => set(weights, f64x2.add(get(weights), part))),
    ],
    one: [
      set(number, plane.one),
      set(sum, f64.add(get(sum), f64.ofUnsigned(get(number)))),
      set(
        weight,
        f64.add(get(weight), f64.mul(f64.ofUnsigned(get(number)), f64.ofUnsigned(i32.sub(get(to), get(from))))),
      ),
    ],
  }));
  f.push(
    f64.store(get(out), f64.add(get(sum), bothOf(sums))),
    f64.store(get(out), f64.add(get(weight), bothOf(weights)), DOUBLE),
  );
  return f;
}

/**
 * The sum of w / scale, each rounded, and what that lost; then the last w. Each w is base + its number; as `quotientsOfSums` more than the
 * one before by that, `before` the first. What rounding a quotient q takes off is w − q · scale, exactly, so their sum is
 * (Σ w − Σ (w − q · scale)) / scale. Within 32 bits, counted from 0 or from `before`.
 */
function quotients(ofSums: boolean): FunctionWriter {
  const f = new FunctionWriter(ofSums ? 'quotientsOfSums' : 'quotients', {
    ...PLANE,
    ...TARGET,
    ...STRETCH,
    base: I32,
    before: I32,
    scale: F64,
  });
  const { out, base, before, scale } = f.parameters;
  const plane = planeOf(f);
  const [four, carry, bases, wholes, rests, low, high, rest, scales, whole, sum] = f.locals(V128, 11);
  const { two: quotient } = multiplied(f);
  const add = (whole: Local, rest: Local): Code[] => [
    set(wholes, f64x2.add(get(wholes), get(whole))),
    set(rests, f64x2.add(get(rests), get(rest))),
  ];
  const lost = (whole: Local): Code => f64x2.subMul(quotient(get(whole)), get(scales), get(whole));
  f.push(set(bases, i32x4.splat(get(base))), set(scales, f64x2.splat(get(scale))));
  eachRowOf(f, plane, () => ({
    beforeFours: ofSums ? [set(carry, i32x4.splat(get(before)))] : [],
    four: (packed) => [
      set(four, i32x4.add(packed, get(bases))),
      ...(ofSums
        ? [
            set(four, i32x4.add(get(four), movedUp(four, WORD))),
            set(four, i32x4.add(get(four), movedUp(four, 2 * WORD))),
            set(four, i32x4.add(get(four), get(carry))),
            set(carry, lastWord(four)),
          ]
        : []),
      set(low, f64x2.ofLowSigned(get(four))),
      set(high, f64x2.ofLowSigned(upper(four))),
      set(rest, f64x2.add(lost(low), lost(high))),
      set(low, f64x2.add(get(low), get(high))),
      // one addition each from four to four, for that is waited for
      ...add(low, rest),
    ],
    behindFours: ofSums ? [set(before, i32x4.first(get(carry)))] : [],
    one: [
      set(before, i32.add(i32.add(get(base), plane.one), ofSums ? get(before) : i32.const(0))),
      // the other half is 0, and so are its quotient and what that lost
      set(low, alone(f64.ofSigned(get(before)))),
      set(rest, lost(low)),
      ...add(low, rest),
    ],
  }));
  f.push(
    set(whole, f64x2.splat(bothOf(wholes))),
    set(sum, f64x2.div(get(whole), get(scales))),
    f64.store(get(out), f64x2.first(get(sum))),
    f64.store(
      get(out),
      f64.div(f64.sub(f64x2.first(f64x2.subMul(get(sum), get(scales), get(whole))), bothOf(rests)), get(scale)),
      DOUBLE,
    ),
    f64.store(get(out), f64.ofSigned(get(before)), 2 * DOUBLE),
  );
  return f;
}

/** A double and 0. */
function alone(one: Code): Code {
  return f64x2.mul(f64x2.splat(one), v128.ofDoubles(1, 0));
}

interface StretchBody {
  readonly beforeFours: readonly Code[];
  readonly four: (packed: Code) => readonly Code[];
  readonly behindFours: readonly Code[];
  readonly one: readonly Code[];
}

/** What a body is told of a row: where its numbers in the stretch begin, or go on behind the fours; how many are taken by fours. */
interface StretchRow {
  readonly from: Local;
  readonly byFours: Code;
}

type StretchFunction = PlaneFunction & FunctionWriter<keyof typeof STRETCH>;

function eachRowOf(f: StretchFunction, plane: Plane, bodyOf: (row: StretchRow) => StretchBody): void {
  const { width, from, to } = f.parameters;
  const [lanes, row, rowTo, end, crosses] = f.locals(I32, 5);
  const left = i32.sub(get(rowTo), get(from));
  const byFours = i32.and(left, i32.const(-4));
  const isLeft = (count: number): Code => i32.isBelow(i32.add(get(plane.at), i32.const((count - 1) * WORD)), get(end));
  const { beforeFours, four, behindFours, one } = bodyOf({ from, byFours });
  f.push(
    set(lanes, lanesOf(f)),
    set(row, i32.div(get(from), get(lanes))),
    set(plane.bit, i32.mul(get(row), get(width))),
    ...plane.start,
    loop(
      i32.isBelow(get(from), get(to)),
      ...plane.nextRow,
      set(plane.at, i32.add(get(plane.at), i32.shl(i32.sub(get(from), i32.mul(get(row), get(lanes))), i32.const(2)))),
      set(row, i32.add(get(row), i32.const(1))),
      set(rowTo, i32.mul(get(row), get(lanes))),
      set(rowTo, i32.select(get(rowTo), get(to), i32.isBelow(get(rowTo), get(to)))),
      set(end, i32.add(get(plane.at), i32.shl(left, i32.const(2)))),
      set(crosses, plane.crosses),
      ...beforeFours,
      loop(i32.and(get(crosses), isLeft(4)), ...four(plane.four), advance(plane.at, VECTOR)),
      loop(isLeft(8), ...four(plane.within(0)), ...four(plane.within(VECTOR)), advance(plane.at, 2 * VECTOR)),
      loop(isLeft(4), ...four(plane.within(0)), advance(plane.at, VECTOR)),
      ...behindFours,
      set(from, i32.add(get(from), byFours)),
      loop(i32.isBelow(get(from), get(rowTo)), ...one, advance(plane.at, WORD), advance(from, 1)),
    ),
  );
}

function bothOf(vector: Local): Code {
  return f64.add(f64x2.first(get(vector)), f64x2.first(upper(vector)));
}

/**
 * The kernel that adds up packed numbers where they stand: `weigh` of `plain-unpacker.ts`, four at a time. Of each fourth of a row's
 * numbers it has the sum s, and t, to which s is added at each step: so the q-th of m numbers is in t m − q times. What that says of the
 * places of the numbers is worked out once a row, in doubles, which hold it exactly.
 */
import {
  advance,
  type Code,
  F64,
  FunctionWriter,
  f64,
  f64x2,
  get,
  I32,
  i32,
  i32x4,
  type Local,
  loop,
  set,
  upper,
  V128,
  VECTOR,
  v128,
  WORD,
} from '../../model/kernels/index.ts';
import { lanesOf, PLANE, planeOf, TARGET } from './packed-rows.ts';

/** Of 256 numbers, as a chunk's rows have, t stays within 32 bits. */
export const WEIGH_WIDTH_MAX = 20;

/** As a module exports it. Addresses are in its memory. Two doubles go to `out`: of n numbers, those of [from, to) are taken. */
export function weighingKernel(): FunctionWriter {
  const f = new FunctionWriter('weigh', { ...PLANE, ...TARGET, from: I32, to: I32 });
  const { width, out, from, to } = f.parameters;
  const plane = planeOf(f);
  const [lanes, row, rowTo, end, crosses, number] = f.locals(I32, 6);
  const [s, t, low, high, total, sums, weights] = f.locals(V128, 7);
  const [sum, weight] = f.locals(F64, 2);
  const left = i32.sub(get(rowTo), get(from));
  const isLeft = (count: number): Code => i32.isBelow(i32.add(get(plane.at), i32.const((count - 1) * WORD)), get(end));
  const add = (four: Code): Code[] => [set(s, i32x4.add(get(s), four)), set(t, i32x4.add(get(t), get(s)))];
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
      set(s, v128.ofDoubles(0, 0)),
      set(t, v128.ofDoubles(0, 0)),
      set(crosses, plane.crosses),
      loop(i32.and(get(crosses), isLeft(4)), ...add(plane.four), advance(plane.at, VECTOR)),
      loop(isLeft(8), ...add(plane.within(0)), ...add(plane.within(VECTOR)), advance(plane.at, 2 * VECTOR)),
      loop(isLeft(4), ...add(plane.within(0)), advance(plane.at, VECTOR)),
      set(low, f64x2.ofLowUnsigned(get(s))),
      set(high, f64x2.ofLowUnsigned(upper(s))),
      set(total, f64x2.add(get(low), get(high))),
      set(sums, f64x2.add(get(sums), get(total))),
      // a number's weight is that of the row's first without its place in the row, which is 4 q and its place among four
      ...[
        f64x2.mul(get(total), f64x2.splat(f64.ofUnsigned(i32.sub(get(to), get(from))))),
        f64x2.mul(get(total), f64x2.splat(f64.ofSigned(i32.mul(left4(left), i32.const(-1))))),
        f64x2.mul(f64x2.add(f64x2.ofLowUnsigned(get(t)), f64x2.ofLowUnsigned(upper(t))), v128.ofDoubles(4, 4)),
        f64x2.mul(get(low), v128.ofDoubles(-0, -1)),
        f64x2.mul(get(high), v128.ofDoubles(-2, -3)),
      ].map((part) => set(weights, f64x2.add(get(weights), part))),
      set(from, i32.add(get(from), left4(left))),
      loop(
        i32.isBelow(get(from), get(rowTo)),
        set(number, plane.one),
        set(sum, f64.add(get(sum), f64.ofUnsigned(get(number)))),
        set(
          weight,
          f64.add(get(weight), f64.mul(f64.ofUnsigned(get(number)), f64.ofUnsigned(i32.sub(get(to), get(from))))),
        ),
        advance(plane.at, WORD),
        advance(from, 1),
      ),
    ),
    f64.store(get(out), f64.add(get(sum), bothOf(sums))),
    f64.store(get(out), f64.add(get(weight), bothOf(weights)), 8),
  );
  return f;
}

// private functions

/** As many numbers as are taken by fours. */
function left4(left: Code): Code {
  return i32.and(left, i32.const(-4));
}

function bothOf(vector: Local): Code {
  return f64.add(f64x2.first(get(vector)), f64x2.first(upper(vector)));
}

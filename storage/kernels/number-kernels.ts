/**
 * Kernels that make doubles of packed numbers: `numbers` and `sums` of `plain-unpacker.ts`, four at a time. Running sums are made of four
 * neighbours among themselves first, then on top of what came before, so that from four to four there is a single addition to wait for;
 * whole numbers below 2^53 are exact in whatever order they are added.
 */
import { type Code, F64, f64, f64x2, get, I32, i32, i32x4, type Local, loop, set, V128, v128 } from './instructions.ts';
import { FunctionWriter } from './module.ts';
import { eachRow, PLANE, planeOf, TARGET } from './packed-rows.ts';
import { advance, DOUBLE, lastWord, movedUp, type OnPairs, upper, VECTOR, WORD } from './vectors.ts';

/** As a module exports them. Addresses are in its memory. */
export function numberKernels(): FunctionWriter[] {
  return [unpack, unpackSums, unpackSmallSums, raiseRuns].flatMap((kernel) => [kernel(false), kernel(true)]);
}

// private functions

/** Doubles base + step · number; as `unpackScaled` each divided by `scale`, which the other does not look at. */
function unpack(isScaled: boolean): FunctionWriter {
  const f = new FunctionWriter(isScaled ? 'unpackScaled' : 'unpack', {
    ...PLANE,
    ...TARGET,
    base: F64,
    step: F64,
    scale: F64,
  });
  const { out, base, step } = f.parameters;
  const plane = planeOf(f);
  const scaled = scaling(f, isScaled);
  const [numbers, bases, steps] = f.locals(V128, 3);
  f.push(set(bases, f64x2.splat(get(base))), set(steps, f64x2.splat(get(step))));
  const two = (words: Code): Code =>
    scaled.two(f64x2.add(get(bases), f64x2.mul(get(steps), f64x2.ofLowUnsigned(words))));
  eachRow(f, [plane], {
    four: ([packed], at) => [
      set(numbers, packed),
      v128.store(get(out), two(get(numbers)), at),
      v128.store(get(out), two(upper(numbers)), at + VECTOR),
    ],
    one: [f64.store(get(out), scaled.one(f64.add(get(base), f64.mul(get(step), f64.ofUnsigned(plane.one)))))],
  });
  return f;
}

/** Doubles before + the sum of (base + step · number) up to and with each; as `unpackSumsScaled` each divided by `scale`. Width ≤ 30. */
function unpackSums(isScaled: boolean): FunctionWriter {
  const f = new FunctionWriter(isScaled ? 'unpackSumsScaled' : 'unpackSums', {
    ...PLANE,
    ...TARGET,
    base: F64,
    step: F64,
    before: F64,
    scale: F64,
  });
  const { out, base, step, before } = f.parameters;
  const plane = planeOf(f);
  const scaled = scaling(f, isScaled);
  const [sums, low, high, carry, lowBases, highBases, steps] = f.locals(V128, 7);
  const onTop = (bases: Local, words: Code): Code =>
    f64x2.add(get(bases), f64x2.mul(get(steps), f64x2.ofLowUnsigned(words)));
  f.push(
    set(steps, f64x2.splat(get(step))),
    set(lowBases, f64x2.mul(f64x2.splat(get(base)), v128.ofDoubles(1, 2))),
    set(highBases, f64x2.mul(f64x2.splat(get(base)), v128.ofDoubles(3, 4))),
  );
  eachRow(f, [plane], {
    beforeFours: set(carry, f64x2.splat(get(before))),
    four: ([packed], at) => [
      set(sums, packed),
      set(sums, i32x4.add(get(sums), movedUp(sums, WORD))),
      set(sums, i32x4.add(get(sums), movedUp(sums, DOUBLE))),
      set(low, onTop(lowBases, get(sums))),
      set(high, onTop(highBases, upper(sums))),
      v128.store(get(out), scaled.two(f64x2.add(get(carry), get(low))), at),
      v128.store(get(out), scaled.two(f64x2.add(get(carry), get(high))), at + VECTOR),
      set(carry, f64x2.add(get(carry), upper(high))),
    ],
    behindFours: set(before, f64x2.first(get(carry))),
    one: [
      set(before, f64.add(get(before), f64.add(get(base), f64.mul(get(step), f64.ofUnsigned(plane.one))))),
      f64.store(get(out), scaled.one(get(before))),
    ],
  });
  return f;
}

/** As `unpackSums` with steps of 1, where none of the sums leaves 32 bits, counted from 0 or from before the first. */
function unpackSmallSums(isScaled: boolean): FunctionWriter {
  const f = new FunctionWriter(isScaled ? 'unpackSmallSumsScaled' : 'unpackSmallSums', {
    ...PLANE,
    ...TARGET,
    base: I32,
    before: I32,
    scale: F64,
  });
  const { out, base, before } = f.parameters;
  const plane = planeOf(f);
  const scaled = scaling(f, isScaled);
  const [sums, carry, bases] = f.locals(V128, 3);
  f.push(set(bases, i32x4.splat(get(base))));
  eachRow(f, [plane], {
    beforeFours: set(carry, i32x4.splat(get(before))),
    four: ([packed], at) => [
      set(sums, i32x4.add(packed, get(bases))),
      set(sums, i32x4.add(get(sums), movedUp(sums, WORD))),
      set(sums, i32x4.add(get(sums), movedUp(sums, DOUBLE))),
      set(sums, i32x4.add(get(sums), get(carry))),
      v128.store(get(out), scaled.two(f64x2.ofLowSigned(get(sums))), at),
      v128.store(get(out), scaled.two(f64x2.ofLowSigned(upper(sums))), at + VECTOR),
      set(carry, lastWord(sums)),
    ],
    behindFours: set(before, i32x4.first(get(carry))),
    one: [
      set(before, i32.add(get(before), i32.add(get(base), plane.one))),
      f64.store(get(out), scaled.one(f64.ofSigned(get(before)))),
    ],
  });
  return f;
}

/**
 * Adds to all results of each run what makes its first the one that is told; `runs` ends, as numbers of results, and firsts are in
 * memory.
 */
function raiseRuns(isScaled: boolean): FunctionWriter {
  const f = new FunctionWriter(isScaled ? 'raiseRunsScaled' : 'raiseRuns', {
    ends: I32,
    firsts: I32,
    runs: I32,
    out: I32,
    scale: F64,
  });
  const { ends, firsts, runs, out } = f.parameters;
  const scaled = scaling(f, isScaled);
  const [begin, runEnd] = f.locals(I32, 2);
  const [by] = f.locals(F64, 1);
  const [bys] = f.locals(V128, 1);
  const hasTwo = i32.isBelow(i32.add(get(out), i32.const(DOUBLE)), get(runEnd));
  f.push(
    set(begin, get(out)),
    loop(
      get(runs),
      set(runEnd, i32.add(get(begin), i32.shl(i32.load(get(ends)), i32.const(3)))),
      set(by, f64.sub(f64.load(get(firsts)), f64.load(get(out)))),
      set(bys, f64x2.splat(get(by))),
      loop(
        hasTwo,
        v128.store(get(out), scaled.two(f64x2.add(v128.load(get(out)), get(bys)))),
        advance(out, 2 * DOUBLE),
      ),
      loop(
        i32.isBelow(get(out), get(runEnd)),
        f64.store(get(out), scaled.one(f64.add(f64.load(get(out)), get(by)))),
        advance(out, DOUBLE),
      ),
      advance(ends, WORD),
      advance(firsts, DOUBLE),
      advance(runs, -1),
    ),
  );
  return f;
}

/** Division by `scale`, or nothing. */
function scaling(f: FunctionWriter<'scale'>, isScaled: boolean): OnPairs {
  if (!isScaled) return { two: (values) => values, one: (value) => value };
  const { scale } = f.parameters;
  const [scales] = f.locals(V128, 1);
  f.push(set(scales, f64x2.splat(get(scale))));
  return { two: (values) => f64x2.div(values, get(scales)), one: (value) => f64.div(value, get(scale)) };
}

/**
 * Kernels that make doubles of packed numbers: `numbers` and `sums` of `plain-unpacker.ts`, four at a time. Running sums are made of four
 * neighbours among themselves first, then on top of what came before, so that from four to four there is a single addition to wait for;
 * whole numbers below 2^53 are exact in whatever order they are added.
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
  type OnPairs,
  set,
  upper,
  V128,
  VECTOR,
  v128,
  WORD,
} from '../../model/kernels/index.ts';
import { eachRow, PLANE, planeOf, TARGET } from './packed-rows.ts';

/**
 * How results become decimals. `multiplied`: q = v · (1 / scale), then q + (v − q · scale) · (1 / scale), where each of the two is rounded
 * once (fused); for powers of ten up to 10^15, and whole numbers up to 2^53, that is the quotient, rounded as a division rounds it, in a
 * third of the time. It is off by far less than the distance of any such quotient from the middle of two doubles (Markstein, 1990).
 */
type Scaling = 'none' | 'divided' | 'multiplied';

/** As a module exports them. Addresses are in its memory. `isFused`: the machine has products that are added before they are rounded. */
export function numberKernels(isFused: boolean): FunctionWriter[] {
  return [unpack, unpackSums, unpackSmallSums, raiseRuns].flatMap((kernel) => [
    kernel('none'),
    kernel(isFused ? 'multiplied' : 'divided'),
  ]);
}

/** `fusedError`: writes a · a − rounded(a · a) to `out`, which is 0 where products are rounded before they are added. */
export function fusedProbe(): FunctionWriter {
  const f = new FunctionWriter('fusedError', { out: I32, a: F64 });
  const { out, a } = f.parameters;
  const [as] = f.locals(V128, 1);
  const product = f64x2.mul(get(as), get(as));
  f.push(
    set(as, f64x2.splat(get(a))),
    v128.store(get(out), f64x2.mulAdd(get(as), get(as), f64x2.sub(v128.ofDoubles(0, 0), product))),
  );
  return f;
}

/** Code for numbers by `scale`, as `multiplied`. */
export function multiplied(f: FunctionWriter<'scale'>): OnPairs {
  return scaledBy(f, 'multiplied');
}

// private functions

/** Doubles base + step · number; as `unpackScaled` each divided by `scale`, which the other does not look at. */
function unpack(scaling: Scaling): FunctionWriter {
  const f = new FunctionWriter(scaling !== 'none' ? 'unpackScaled' : 'unpack', {
    ...PLANE,
    ...TARGET,
    base: F64,
    step: F64,
    scale: F64,
  });
  const { out, base, step } = f.parameters;
  const plane = planeOf(f);
  const scaled = scaledBy(f, scaling);
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
function unpackSums(scaling: Scaling): FunctionWriter {
  const f = new FunctionWriter(scaling !== 'none' ? 'unpackSumsScaled' : 'unpackSums', {
    ...PLANE,
    ...TARGET,
    base: F64,
    step: F64,
    before: F64,
    scale: F64,
  });
  const { out, base, step, before } = f.parameters;
  const plane = planeOf(f);
  const scaled = scaledBy(f, scaling);
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
function unpackSmallSums(scaling: Scaling): FunctionWriter {
  const f = new FunctionWriter(scaling !== 'none' ? 'unpackSmallSumsScaled' : 'unpackSmallSums', {
    ...PLANE,
    ...TARGET,
    base: I32,
    before: I32,
    scale: F64,
  });
  const { out, base, before } = f.parameters;
  const plane = planeOf(f);
  const scaled = scaledBy(f, scaling);
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
function raiseRuns(scaling: Scaling): FunctionWriter {
  const f = new FunctionWriter(scaling !== 'none' ? 'raiseRunsScaled' : 'raiseRuns', {
    ends: I32,
    firsts: I32,
    runs: I32,
    out: I32,
    scale: F64,
  });
  const { ends, firsts, runs, out } = f.parameters;
  const scaled = scaledBy(f, scaling);
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

/** By `scale`. */
function scaledBy(f: FunctionWriter<'scale'>, scaling: Scaling): OnPairs {
  if (scaling === 'none') return { two: (values) => values, one: (value) => value };
  const { scale } = f.parameters;
  const [scales, inverses, value, quotient] = f.locals(V128, 4);
  f.push(set(scales, f64x2.splat(get(scale))), set(inverses, f64x2.div(v128.ofDoubles(1, 1), get(scales))));
  const one = (value: Code): Code => f64.div(value, get(scale));
  if (scaling === 'divided') return { two: (values) => f64x2.div(values, get(scales)), one };
  const two = (values: Code): Code => [
    set(value, values),
    set(quotient, f64x2.mul(get(value), get(inverses))),
    f64x2.mulAdd(f64x2.subMul(get(quotient), get(scales), get(value)), get(inverses), get(quotient)),
  ];
  return { two, one };
}

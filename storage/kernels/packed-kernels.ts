/**
 * The kernels: what `plain-unpacker.ts` does, four numbers at a time. Running sums are made of four neighbours among themselves first, then on top of what
 * came before, so that from four to four there is a single addition to wait for; whole numbers below 2^53 are exact in whatever order they are added.
 */
import {
  type Code,
  F64,
  f64,
  f64x2,
  get,
  I32,
  I64,
  i32,
  i32x4,
  i64,
  i64x2,
  type Local,
  loop,
  set,
  V128,
  v128,
} from './instructions.ts';
import { FunctionWriter } from './module.ts';
import { eachRow, PAIR, type PairFunction, PLANE, pairOf, planeOf, TARGET } from './packed-rows.ts';
import { advance, DOUBLE, interleaved, lastWord, movedUp, upper, VECTOR, WORD } from './vectors.ts';

/** Planes of bytes: that many numbers at a time. */
const PLANE_STEP = 16;

/** All of them, as a module exports them. Addresses are in its memory. */
export function packedKernels(): FunctionWriter[] {
  return [
    unpack(false),
    unpack(true),
    unpackSums(false),
    unpackSums(true),
    unpackSmallSums(false),
    unpackSmallSums(true),
    unpackXors(),
    unpackWide(),
    unpackWideSums(),
    joinPlanes(),
  ];
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
    four: [
      set(numbers, plane.four),
      v128.store(get(out), two(get(numbers))),
      v128.store(get(out), two(upper(numbers)), VECTOR),
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
    four: [
      set(sums, plane.four),
      set(sums, i32x4.add(get(sums), movedUp(sums, WORD))),
      set(sums, i32x4.add(get(sums), movedUp(sums, DOUBLE))),
      set(low, onTop(lowBases, get(sums))),
      set(high, onTop(highBases, upper(sums))),
      v128.store(get(out), scaled.two(f64x2.add(get(carry), get(low)))),
      v128.store(get(out), scaled.two(f64x2.add(get(carry), get(high))), VECTOR),
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
    four: [
      set(sums, i32x4.add(plane.four, get(bases))),
      set(sums, i32x4.add(get(sums), movedUp(sums, WORD))),
      set(sums, i32x4.add(get(sums), movedUp(sums, DOUBLE))),
      set(sums, i32x4.add(get(sums), get(carry))),
      v128.store(get(out), scaled.two(f64x2.ofLowSigned(get(sums)))),
      v128.store(get(out), scaled.two(f64x2.ofLowSigned(upper(sums))), VECTOR),
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

/** 64-bit patterns, each (low | high << 32) << shift, xored with the one before. */
function unpackXors(): FunctionWriter {
  const f = new FunctionWriter('unpackXors', { ...PAIR, ...TARGET, shift: I32 });
  const { shift } = f.parameters;
  const shifted: OnPairs = {
    two: (bits) => i64x2.shl(bits, get(shift)),
    one: (bits) => i64.shl(bits, i64.ofUnsigned(get(shift))),
  };
  return accumulated(f, shifted, { two: v128.xor, one: i64.xor });
}

/** 64-bit numbers base + sum of (low | high << 32) modulo 2^64: running sums of base + number. */
function unpackWideSums(): FunctionWriter {
  const f = new FunctionWriter('unpackWideSums', { ...PAIR, ...TARGET, base: I64 });
  return accumulated(f, basing(f, f.parameters.base), { two: i64x2.add, one: i64.add });
}

/** 64-bit numbers base + (low | high << 32) modulo 2^64. */
function unpackWide(): FunctionWriter {
  const f = new FunctionWriter('unpackWide', { ...PAIR, ...TARGET, base: I64 });
  const { out, base } = f.parameters;
  const pair = pairOf(f);
  const based = basing(f, base);
  const [lows, highs] = f.locals(V128, 2);
  eachRow(f, [pair.low, pair.high], {
    four: [
      set(lows, pair.low.four),
      set(highs, pair.high.four),
      v128.store(get(out), based.two(interleaved(lows, highs, WORD, 'lower'))),
      v128.store(get(out), based.two(interleaved(lows, highs, WORD, 'upper')), VECTOR),
    ],
    one: [i64.store(get(out), based.one(pair.one))],
  });
  return f;
}

/** n bytes of each of eight planes, lowest first, become n 64-bit patterns, each xored with the one before. Reads and writes up to 15 more. */
function joinPlanes(): FunctionWriter {
  const f = new FunctionWriter('joinPlanes', { planes: I32, ...TARGET });
  const { planes, out, n } = f.parameters;
  const [at, end] = f.locals(I32, 2);
  const [carry] = f.locals(V128, 1);
  const bytes = f.locals(V128, DOUBLE);
  const body: Code[] = [set(at, get(planes))];
  for (const plane of bytes) body.push(set(plane, v128.load(get(at))), set(at, i32.add(get(at), get(n))));
  // of two planes of units comes one of units twice as long, in twice the vectors
  let groups = bytes.map((plane) => [plane]);
  for (let unit = 1; unit < DOUBLE; unit *= 2) {
    groups = inPairs(groups).map(([low, high]) =>
      low.flatMap((vector, i) => {
        const [first, second] = f.locals(V128, 2);
        body.push(
          set(first, interleaved(vector, high[i], unit, 'lower')),
          set(second, interleaved(vector, high[i], unit, 'upper')),
        );
        return [first, second];
      }),
    );
  }
  for (const [i, pair] of groups[0].entries()) {
    body.push(
      set(pair, v128.xor(get(pair), movedUp(pair, DOUBLE))),
      set(pair, v128.xor(get(pair), get(carry))),
      v128.store(get(out), get(pair), i * VECTOR),
      set(carry, upper(pair)),
    );
  }
  f.push(
    set(end, i32.add(get(out), i32.shl(get(n), i32.const(3)))),
    loop(i32.isBelow(get(out), get(end)), ...body, advance(planes, PLANE_STEP), advance(out, PLANE_STEP * DOUBLE)),
  );
  return f;
}

/** Code for two 64-bit values in a vector, and the same for one. */
interface OnPairs {
  two(values: Code): Code;
  one(value: Code): Code;
}

interface Combine {
  two(a: Code, b: Code): Code;
  one(a: Code, b: Code): Code;
}

/** Results that each are what is made of the pair, combined with the result before; the first with 0. */
function accumulated(f: PairFunction, made: OnPairs, combine: Combine): FunctionWriter {
  const { out } = f.parameters;
  const pair = pairOf(f);
  const [before] = f.locals(I64, 1);
  const [lows, highs, first, second, carry] = f.locals(V128, 5);
  const alone = (result: Local, bits: Code): Code[] => [
    set(result, made.two(bits)),
    set(result, combine.two(get(result), movedUp(result, DOUBLE))),
  ];
  eachRow(f, [pair.low, pair.high], {
    beforeFours: set(carry, i64x2.splat(get(before))),
    four: [
      set(lows, pair.low.four),
      set(highs, pair.high.four),
      ...alone(first, interleaved(lows, highs, WORD, 'lower')),
      ...alone(second, interleaved(lows, highs, WORD, 'upper')),
      set(second, combine.two(get(second), upper(first))),
      v128.store(get(out), combine.two(get(carry), get(first))),
      v128.store(get(out), combine.two(get(carry), get(second)), VECTOR),
      set(carry, combine.two(get(carry), upper(second))),
    ],
    behindFours: set(before, i64x2.first(get(carry))),
    one: [set(before, combine.one(get(before), made.one(pair.one))), i64.store(get(out), get(before))],
  });
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

/** Addition of a 64-bit base. */
function basing(f: FunctionWriter, base: Local): OnPairs {
  const [bases] = f.locals(V128, 1);
  f.push(set(bases, i64x2.splat(get(base))));
  return { two: (values) => i64x2.add(get(bases), values), one: (value) => i64.add(get(base), value) };
}

function inPairs<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((first, i) => (i % 2 === 0 ? [[first, list[i + 1]] as [T, T]] : []));
}

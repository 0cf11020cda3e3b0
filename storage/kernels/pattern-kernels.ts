/**
 * Kernels that make 64-bit patterns of halves or bytes: `xors`, `wide` and `bytePlanes` of `plain-unpacker.ts`, four or sixteen at a
 * time.
 */
import {
  advance,
  type Code,
  DOUBLE,
  FunctionWriter,
  get,
  I32,
  I64,
  i32,
  i64,
  i64x2,
  interleaved,
  type Local,
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
import { eachRow, PAIR, type PairFunction, pairOf, TARGET } from './packed-rows.ts';

/** Planes of bytes: that many numbers at a time. */
const PLANE_STEP = 16;

/** As a module exports them. Addresses are in its memory. */
export function patternKernels(): FunctionWriter[] {
  return [unpackXors(), unpackWide(), unpackWideSums(), joinPlanes()];
}

// private functions

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
    four: ([low, high], at) => [
      set(lows, low),
      set(highs, high),
      v128.store(get(out), based.two(interleaved(lows, highs, WORD, 'lower')), at),
      v128.store(get(out), based.two(interleaved(lows, highs, WORD, 'upper')), at + VECTOR),
    ],
    one: [i64.store(get(out), based.one(pair.one))],
  });
  return f;
}

/**
 * n bytes of each of eight planes, lowest first, become n 64-bit patterns, each xored with the one before. Reads and writes up to 15
 * more.
 */
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
    four: ([low, high], at) => [
      set(lows, low),
      set(highs, high),
      ...alone(first, interleaved(lows, highs, WORD, 'lower')),
      ...alone(second, interleaved(lows, highs, WORD, 'upper')),
      set(second, combine.two(get(second), upper(first))),
      v128.store(get(out), combine.two(get(carry), get(first)), at),
      v128.store(get(out), combine.two(get(carry), get(second)), at + VECTOR),
      set(carry, combine.two(get(carry), upper(second))),
    ],
    behindFours: set(before, i64x2.first(get(carry))),
    one: [set(before, combine.one(get(before), made.one(pair.one))), i64.store(get(out), get(before))],
  });
  return f;
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

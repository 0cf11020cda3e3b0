/**
 * WebAssembly instructions as bytes (W3C WebAssembly Core 2.0, §5.4), written as nested calls: `f64.add(a, b)` is the code of a, of b,
 * then the instruction. Only what kernels use. Nothing is checked here: a module of wrong
 * code does not compile.
 */

/** Bytes of instructions that together leave one value, or none; code within code is flattened at the end (`module.ts`). */
export type Code = readonly (number | Code)[];

/** As the binary format numbers them. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof I64 | typeof F64 | typeof V128;

/** A parameter or a local of a function. */
export interface Local {
  readonly number: number;
}

const NO_RESULT = 0x40;
const END = 0x0b;
const SIMD = 0xfd;

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  load: load(0x28),
  add: operation(0x6a),
  sub: operation(0x6b),
  mul: operation(0x6c),
  /** Of unsigned numbers, rounded down. */
  div: operation(0x6e),
  and: operation(0x71),
  or: operation(0x72),
  shl: operation(0x74),
  shiftRight: operation(0x76),
  /** Of unsigned numbers: 1 or 0. */
  isBelow: operation(0x49),
  /** The first where the third is not 0, else the second. */
  select: operation(0x1b),
};

export const i64 = {
  const: (value: number): Code => [0x42, ...signed(value)],
  store: store(0x37),
  ofUnsigned: operation(0xad),
  add: operation(0x7c),
  or: operation(0x84),
  xor: operation(0x85),
  shl: operation(0x86),
};

export const f64 = {
  ofUnsigned: operation(0xb8),
  ofSigned: operation(0xb7),
  load: load(0x2b),
  store: store(0x39),
  add: operation(0xa0),
  sub: operation(0xa1),
  mul: operation(0xa2),
  div: operation(0xa3),
};

export const v128 = {
  ofDoubles: (...values: readonly [number, number]): Code => [
    SIMD,
    0x0c,
    ...new Uint8Array(Float64Array.from(values).buffer),
  ],
  load: load(SIMD, 0x00),
  store: store(SIMD, 0x0b),
  and: operation(SIMD, 0x4e),
  or: operation(SIMD, 0x50),
  xor: operation(SIMD, 0x51),
  /** Bytes of a and b by their numbers: those of b begin at 16. */
  shuffle: (a: Code, b: Code, bytes: readonly number[]): Code => [a, b, SIMD, 0x0d, ...bytes],
};

export const i32x4 = {
  splat: operation(SIMD, 0x11),
  shiftRight: operation(SIMD, 0xad, 0x01),
  first: operation(SIMD, 0x1b, 0),
  add: operation(SIMD, 0xae, 0x01),
  mul: operation(SIMD, 0xb5, 0x01),
};

export const i64x2 = {
  splat: operation(SIMD, 0x12),
  first: operation(SIMD, 0x1d, 0),
  shl: operation(SIMD, 0xcb, 0x01),
  add: operation(SIMD, 0xce, 0x01),
};

export const f64x2 = {
  splat: operation(SIMD, 0x14),
  first: operation(SIMD, 0x21, 0),
  /** The two doubles of the two lower words, which are unsigned. */
  ofLowUnsigned: operation(SIMD, 0xff, 0x01),
  ofLowSigned: operation(SIMD, 0xfe, 0x01),
  abs: operation(SIMD, 0xec, 0x01),
  add: operation(SIMD, 0xf0, 0x01),
  sub: operation(SIMD, 0xf1, 0x01),
  mul: operation(SIMD, 0xf2, 0x01),
  div: operation(SIMD, 0xf3, 0x01),
  /** a · b + c, and c − a · b (relaxed SIMD): rounded once where the machine can do that, else twice. */
  mulAdd: operation(SIMD, 0x87, 0x02),
  subMul: operation(SIMD, 0x88, 0x02),
};

export function get({ number }: Local): Code {
  return [0x20, ...unsigned(number)];
}

export function set({ number }: Local, value: Code): Code {
  return [value, 0x21, ...unsigned(number)];
}

/** The body again and again while the condition holds. */
export function loop(condition: Code, ...body: readonly Code[]): Code {
  const leave: Code = [condition, 0x45, 0x0d, 1];
  return [0x02, NO_RESULT, 0x03, NO_RESULT, leave, ...body, 0x0c, 0, END, END];
}

/** LEB128, as all numbers of the format. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return bytes;
}

// private functions

function signed(value: number): number[] {
  const bytes: number[] = [];
  for (; value < -0x40 || value >= 0x40; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value & 0x7f);
  return bytes;
}

function operation(...opcode: readonly number[]): (...operands: readonly Code[]) => Code {
  return (...operands) => [...operands, ...opcode];
}

/** From so many bytes behind an address, which may be any. */
function load(...opcode: readonly number[]): (address: Code, offset?: number) => Code {
  return (address, offset = 0) => [address, ...opcode, 0, ...unsigned(offset)];
}

function store(...opcode: readonly number[]): (address: Code, value: Code, offset?: number) => Code {
  return (address, value, offset = 0) => [address, value, ...opcode, 0, ...unsigned(offset)];
}

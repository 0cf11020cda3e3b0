/**
 * The math functions: one number (or two) in, one out, row by row, in SELECT and WHERE. What has no value there (the logarithm of a
 * negative number) or leaves a double's range is NaN or infinite to what is around it. abs, ceil, floor and round keep
 * integers as they are; all others compute in doubles.
 */
import type { FieldType, Value } from '../../model/index.ts';
import type { MathName } from '../planner/plan.ts';

type Compute = (x: number, y: number) => number;

const COMPUTE: Readonly<Record<MathName, Compute>> = {
  abs: (x) => Math.abs(x),
  acos: (x) => Math.acos(x),
  asin: (x) => Math.asin(x),
  atan: (x) => Math.atan(x),
  atan2: (x, y) => Math.atan2(x, y),
  ceil: (x) => Math.ceil(x),
  cos: (x) => Math.cos(x),
  exp: (x) => Math.exp(x),
  floor: (x) => Math.floor(x),
  ln: (x) => Math.log(x),
  log: (x, y) => Math.log(x) / Math.log(y),
  log2: (x) => Math.log2(x),
  log10: (x) => Math.log10(x),
  pow: (x, y) => x ** y,
  round: (x) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5),
  sin: (x) => Math.sin(x),
  sqrt: (x) => Math.sqrt(x),
  tan: (x) => Math.tan(x),
};

const OF_TWO: ReadonlySet<string> = new Set(['atan2', 'log', 'pow']);
const SAME_TYPE: ReadonlySet<string> = new Set(['abs', 'ceil', 'floor', 'round']);

export function isMath(name: string): name is MathName {
  return Object.hasOwn(COMPUTE, name);
}

export function mathArguments(name: MathName): number {
  return OF_TWO.has(name) ? 2 : 1;
}

/** Type of the result where the first argument is of `type`. */
export function mathType(name: MathName, type: FieldType): FieldType {
  return SAME_TYPE.has(name) ? type : 'float';
}

/** The value of the function; `args` as many as it takes. */
export function computeMath(name: MathName, type: FieldType, args: readonly Value[]): Value {
  const [x, y = 0] = args;
  if (x === null || y === null || x === undefined) return null;
  if (type !== 'float' && name === 'abs') return typeof x === 'bigint' && x < 0n ? -x : abs(x);
  if (type !== 'float') return x;
  return COMPUTE[name](Number(x), Number(y));
}

// private functions

function abs(x: NonNullable<Value>): Value {
  return typeof x === 'number' ? Math.abs(x) : x;
}

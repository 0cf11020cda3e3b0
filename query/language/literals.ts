/**
 * The values of single tokens, whose shape the grammar has already checked: strings, durations, integers and
 * numbers. Called by statements.ts.
 */
import type { Expression } from './ast.ts';
import { parseError } from './errors.ts';

const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  u: 1_000n,
  µ: 1_000n,
  μ: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

export function readQuoted(source: string): string {
  return source.slice(1, -1).replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character));
}

/** The pattern between the slashes; only `\/` is an escape of the language, the others belong to the pattern. */
export function readRegex(source: string): string {
  return source.slice(1, -1).replace(/\\(.)/g, (pair, character) => (character === '/' ? '/' : pair));
}

export function readDuration(source: string, at: number): bigint {
  let total = 0n;
  const parts = /(\d+)(ns|ms|[uµμsmhdw])/y;
  while (parts.lastIndex < source.length) {
    const part = parts.exec(source);
    if (part === null) throw parseError('invalid duration', at);
    total += BigInt(part[1]!) * UNIT_NS[part[2]!]!;
  }
  if (total > INT64_MAX) {
    throw parseError(`overflowed duration ${source}: choose a smaller duration or INF`, at);
  }
  return total;
}

/** Above the largest int64 a literal is unsigned; above the largest uint64 there is none. `place` follows the message. */
export function readInteger(source: string, at: number, place: string): bigint {
  const value = BigInt(source.slice(0, 400));
  if (value > UINT64_MAX || source.length > 400) throw parseError('unable to parse integer' + place, at);
  return value;
}

/** What is too large for a double is no number. `place` follows the message. */
export function readNumber(source: string, at: number, place: string): number {
  const value = Number(source);
  if (!Number.isFinite(value)) throw parseError('unable to parse number' + place, at);
  return value;
}

/** Turns the sign of a literal; anything else is multiplied by one or minus one, as InfluxDB does. */
export function applySign(sign: string, operand: Expression, at: number): Expression {
  const negative = sign === '-';
  switch (operand.kind) {
    case 'integer':
      if (negative && operand.value > INT64_MAX + 1n) {
        throw parseError(`constant -${operand.value} underflows int64`, at);
      }
      return negative ? { ...operand, value: -operand.value } : operand;
    case 'number':
      return negative ? { ...operand, value: -operand.value } : operand;
    case 'duration':
      return negative ? { ...operand, ns: -operand.ns } : operand;
    default:
      return { kind: 'binary', operator: '*', left: { kind: 'integer', value: negative ? -1n : 1n }, right: operand };
  }
}

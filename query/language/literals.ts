/**
 * The values of single tokens, whose shape the grammar has already checked: strings, durations, integers, numbers and what a
 * client bound to a parameter. Called by statements.ts.
 */
import type { Expression } from './ast.ts';
import { parseError, QueryError } from './errors.ts';

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

const TYPED: ReadonlySet<string> = new Set(['regex', 'identifier', 'string', 'duration']);

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

/** What stands for `$name`: a plain value, or `{regex | identifier | duration: text}`. */
export function bindParameter(name: string, params: Readonly<Record<string, unknown>>, at: number): Expression {
  if (!Object.hasOwn(params, name)) throw parseError(`missing parameter: ${name}`, at);
  const value = params[name];
  switch (typeof value) {
    case 'string':
      return { kind: 'string', value };
    case 'boolean':
      return { kind: 'boolean', value };
    case 'bigint':
      if (value >= -INT64_MAX - 1n && value <= UINT64_MAX) return { kind: 'integer', value };
      break;
    case 'number':
      if (Number.isSafeInteger(value)) return { kind: 'integer', value: BigInt(value) };
      if (Number.isFinite(value)) return { kind: 'number', value };
      break;
    case 'object':
      if (value !== null) return bindTyped(value, at);
  }
  throw unbound(`unable to bind parameter with type ${value === null ? '<nil>' : typeof value}`, at);
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

// private functions

function bindTyped(value: object, at: number): Expression {
  if (Array.isArray(value)) throw unbound('unable to bind parameter with type []interface {}', at);
  const entries = Object.entries(value);
  if (entries.length !== 1) throw unbound('bound object parameter value must have exactly one entry', at);
  const [type, text] = entries[0]!;
  if (!TYPED.has(type)) throw unbound(`unknown bind object type: ${type}`, at);
  if (typeof text !== 'string') throw unbound(`${type} literal must be a string value`, at);
  switch (type) {
    case 'regex':
      return { kind: 'regex', pattern: text };
    case 'identifier':
      return { kind: 'reference', name: text, cast: null };
    case 'string':
      return { kind: 'string', value: text };
    default: {
      const sign = text.startsWith('-') ? -1n : 1n;
      const size = sign < 0n ? text.slice(1) : text;
      if (size === '') throw new QueryError('parse', 'error parsing query: invalid duration', at);
      return { kind: 'duration', ns: sign * readDuration(size, at) };
    }
  }
}

/** In InfluxDB's words, which take a value that cannot be bound for one that is not there. */
function unbound(problem: string, at: number): QueryError {
  return parseError(`missing parameter: ${problem}`, at);
}

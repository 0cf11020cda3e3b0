/**
 * Points as objects → line protocol. For callers that have objects; whoever has lines already passes them as text. What line
 * protocol cannot say (no fields, NaN, a newline in a tag, a tag that ends in a backslash) throws `invalid point` here rather than
 * become another point there. Empty tag values are left out, as they mean "no tag" to the server.
 */
import { MillraceError } from './errors.ts';

export type WritePrecision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h';

/** number = float, bigint = integer (int64). Use `unsigned(5n)` for uint64. */
export type FieldValue = number | bigint | boolean | string | Unsigned;

export interface Unsigned {
  readonly unsigned: bigint;
}

export interface Point {
  measurement: string;
  tags?: Readonly<Record<string, string | number | boolean>>;
  fields: Readonly<Record<string, FieldValue | null | undefined>>;
  /** A number or bigint in the write's precision, or a Date. Absent: the server's clock on arrival. */
  time?: number | bigint | Date;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const NS_PER_MS = 1_000_000n;
const NS_PER: Readonly<Record<WritePrecision, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: NS_PER_MS,
  s: 1_000n * NS_PER_MS,
  m: 60_000n * NS_PER_MS,
  h: 3_600_000n * NS_PER_MS,
};

export function unsigned(value: bigint): Unsigned {
  return { unsigned: value };
}

/** One line per point, joined by newlines. */
export function encodePoints(points: Iterable<Point>, precision: WritePrecision = 'ns'): string {
  const lines: string[] = [];
  for (const point of points) lines.push(encodePoint(point, precision));
  return lines.join('\n');
}

export function encodePoint(point: Point, precision: WritePrecision = 'ns'): string {
  let line = encodeMeasurement(point.measurement);
  for (const [key, value] of Object.entries(point.tags ?? {}).sort(byKey)) {
    const text = String(value);
    if (text !== '') line += `,${encodeKey(key, 'tag key')}=${encodeKey(text, `value of tag "${key}"`)}`;
  }
  let separator = ' ';
  for (const [key, value] of Object.entries(point.fields)) {
    if (value === null || value === undefined) continue;
    line += `${separator}${encodeKey(key, 'field key')}=${encodeField(key, value)}`;
    separator = ',';
  }
  if (separator === ' ') throw invalid(`point of "${point.measurement}" has no fields, expected at least one`);
  return point.time === undefined ? line : `${line} ${encodeTime(point.time, precision)}`;
}

// private functions

function encodeMeasurement(name: string): string {
  if (name.startsWith('#')) throw invalid(`measurement "${name}" starts with '#', which makes the line a comment`);
  checkName(name, 'measurement');
  return name.replace(/[, ]/g, '\\$&');
}

function encodeKey(text: string, what: string): string {
  checkName(text, what);
  return text.replace(/[,= ]/g, '\\$&');
}

function checkName(text: string, what: string): void {
  if (text === '') throw invalid(`${what} is empty`);
  if (/[\n\r]/.test(text)) throw invalid(`${what} "${text.slice(0, 40)}" has a line break`);
  if (text.endsWith('\\')) throw invalid(`${what} "${text}" ends in a backslash, which would escape what follows`);
}

function encodeField(key: string, value: FieldValue): string {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw invalid(`field "${key}" is ${value}, expected a finite number`);
      return String(value);
    case 'bigint':
      if (value < INT64_MIN || value > INT64_MAX) throw invalid(`field "${key}" is ${value}, outside of int64`);
      return `${value}i`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'string':
      return `"${value.replace(/["\\]/g, '\\$&')}"`;
    default:
      if (typeof value.unsigned !== 'bigint' || value.unsigned < 0n || value.unsigned > UINT64_MAX)
        throw invalid(`field "${key}" is not a number, bigint, boolean, string or uint64`);
      return `${value.unsigned}u`;
  }
}

function encodeTime(time: number | bigint | Date, precision: WritePrecision): string {
  if (!(time instanceof Date)) {
    if (typeof time === 'number' && !Number.isInteger(time))
      throw invalid(`time ${time} is not a whole number of ${precision}`);
    return BigInt(time).toString();
  }
  if (Number.isNaN(time.getTime())) throw invalid('time is an invalid Date');
  const ns = BigInt(time.getTime()) * NS_PER_MS;
  const unit = NS_PER[precision];
  const floor = ns % unit < 0n ? ns / unit - 1n : ns / unit;
  return floor.toString();
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function invalid(message: string): MillraceError {
  return new MillraceError('invalid point', message);
}

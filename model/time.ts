/**
 * Time is int64 nanoseconds since the Unix epoch, a bigint where a single time is meant. Columns hold times as doubles:
 * an offset in nanoseconds from a bigint base, exact while it stays below OFFSET_MAX. This file never reads a clock.
 */

/** Largest |offset| from a column's base: 2^52 ns, 52 days. Below it a division by a window width floors exactly in doubles. */
export const OFFSET_MAX = 2 ** 52;

/** InfluxDB's own limits: times outside cannot be written. */
export const TIME_MIN = -9223372036854775806n;
export const TIME_MAX = 9223372036854775806n;

export const NS_PER_SECOND = 1_000_000_000n;

export type Precision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h';

export const NS_PER: Readonly<Record<Precision, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: NS_PER_SECOND,
  m: 60n * NS_PER_SECOND,
  h: 3600n * NS_PER_SECOND,
};

/** Floor division of int64 times: the index of the window of width `width` that holds `time`. */
export function floorDiv(time: bigint, width: bigint): bigint {
  const q = time / width;
  return time % width < 0n ? q - 1n : q;
}

export function earlier(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

export function later(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** RFC3339 text in UTC with as many fraction digits as needed (none to nine), as InfluxDB prints times. */
export function formatTime(time: bigint): string {
  const seconds = floorDiv(time, NS_PER_SECOND);
  const nanos = Number(time - seconds * NS_PER_SECOND);
  const head = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
  return nanos === 0 ? `${head}Z` : `${head}.${String(nanos).padStart(9, '0').replace(/0+$/, '')}Z`;
}

/**
 * Nanoseconds of an RFC3339 or InfluxQL time text (`2026-01-02`, `2026-01-02 03:04:05.123456789`, `2026-01-02T03:04:05Z`,
 * with an offset); null where it is none of these. Without an offset the text is UTC.
 */
export function parseTime(text: string): bigint | null {
  const m = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (m === null) return null;
  const [, y, mo, d, h = '00', mi = '00', s = '00', fraction = '', zone = 'Z'] = m;
  const ms = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}.000${zone}`);
  if (Number.isNaN(ms) || Number(d) > daysInMonth(Number(y), Number(mo))) return null;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || '0');
}

// private functions

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

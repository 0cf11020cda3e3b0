/**
 * Time zones: how far local time is ahead of UTC, and since when, as plain data that plans carry between threads. The rules are those
 * of the JavaScript engine, from 1970 to 2100; before and after, the nearest rule holds.
 */
import { TIME_MIN } from '../../model/index.ts';

/** From this time on local time is UTC + offset, both in ns. */
export interface ZoneShift {
  readonly from: bigint;
  readonly offset: bigint;
}

const NS_PER_MS = 1_000_000n;
const FIRST_MS = Date.UTC(1970, 0, 1);
const LAST_MS = Date.UTC(2100, 0, 1);
/** No two changes of a zone's clock lie closer than this. */
const STEP_MS = 14 * 24 * 3600 * 1000;

const KNOWN = new Map<string, readonly ZoneShift[]>();

/** null = there is no such zone. Ascending; the first holds for all earlier times too. */
export function zoneShifts(name: string): readonly ZoneShift[] | null {
  const known = KNOWN.get(name);
  if (known !== undefined) return known;
  const format = formatOf(name);
  if (format === null) return null;
  const shifts: ZoneShift[] = [];
  let before = offsetAt(format, FIRST_MS);
  shifts.push({ from: TIME_MIN, offset: before * NS_PER_MS });
  for (let ms = FIRST_MS; ms < LAST_MS; ms += STEP_MS) {
    const offset = offsetAt(format, ms + STEP_MS);
    if (offset === before) continue;
    let low = ms;
    let high = ms + STEP_MS;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (offsetAt(format, middle) === before) low = middle;
      else high = middle;
    }
    shifts.push({ from: BigInt(high) * NS_PER_MS, offset: offset * NS_PER_MS });
    before = offset;
  }
  // names come from queries, but only those of real zones get here: some hundred
  KNOWN.set(name, shifts);
  return shifts;
}

/** How far local time is ahead of UTC at a UTC time. */
export function shiftAt(shifts: readonly ZoneShift[], time: bigint): bigint {
  let low = 0;
  let high = shifts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (shifts[middle].from <= time) low = middle;
    else high = middle;
  }
  return shifts[low].offset;
}

/** The UTC time of a local one: the first of two, and where the clock leaps over it, as much behind the leap. */
export function toUtc(shifts: readonly ZoneShift[], local: bigint): bigint {
  let first: bigint | null = null;
  for (const candidate of new Set(shifts.map(({ offset }) => local - offset))) {
    if (candidate + shiftAt(shifts, candidate) === local && (first === null || candidate < first)) first = candidate;
  }
  return first ?? local - shiftAt(shifts, local - shiftAt(shifts, local));
}

// private functions

function formatOf(name: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  } catch {
    return null;
  }
}

/** In ms. */
function offsetAt(format: Intl.DateTimeFormat, ms: number): bigint {
  const text = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign, h = '0', m = '0', s = '0'] = /^GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text) ?? [];
  const size = (BigInt(h) * 3600n + BigInt(m) * 60n + BigInt(s)) * 1000n;
  return sign === '-' ? -size : size;
}

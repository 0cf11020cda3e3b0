/** Times of a result column in the unit that was asked for. Dividing truncates toward zero, as InfluxDB's integer division does. */
import type { Epoch } from '../../../client/protocol/index.ts';
import { formatTime } from '../../../model/index.ts';
import { shiftAt, type TimeColumn, type ZoneShift } from '../../../query/index.ts';

const NS_PER_SECOND = 1_000_000_000n;

const NS_PER_EPOCH: Readonly<Record<Epoch, bigint>> = {
  ns: 1n,
  u: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** A single time as JSON: a numeral, or a quoted RFC3339 text where no unit was asked for. */
export function timeText(time: bigint, epoch: Epoch | null): string {
  return epoch === null ? `"${formatTime(time)}"` : String(time / NS_PER_EPOCH[epoch]);
}

/** Numerals of the times of a column in a unit. Rows near each other share their leading digits, so most need no bigint. */
export function epochTexts(column: TimeColumn, epoch: Epoch): (row: number) => string {
  const unit = NS_PER_EPOCH[epoch];
  const { base, offsets } = column;
  if (base >= 0n && unit === 1n) return nanosecondTexts(column);
  if (base >= 0n && unit > 1n) {
    const whole = base / unit;
    const width = Number(unit);
    const rest = Number(base % unit);
    if (whole < 2n ** 52n) {
      const start = Number(whole);
      // exact: both parts stay below 2^53, and for times at or after the epoch floor is truncation
      return (row) => {
        const value = start + Math.floor((offsets[row] + rest) / width);
        return value >= 0 ? String(value) : String((base + BigInt(offsets[row])) / unit);
      };
    }
  }
  return (row) => String((base + BigInt(offsets[row])) / unit);
}

export function timeAt(column: TimeColumn, row: number): bigint {
  return column.base + BigInt(column.offsets[row]);
}

/** RFC3339 with the zone's distance from UTC. */
export function zonedText(time: bigint, zone: readonly ZoneShift[] | undefined): string {
  const shift = zone === undefined ? 0n : shiftAt(zone, time);
  if (shift === 0n) return formatTime(time);
  const minutes = Number((shift < 0n ? -shift : shift) / 60_000_000_000n);
  const [h, m] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0'));
  return `${formatTime(time + shift).slice(0, -1)}${shift < 0n ? '-' : '+'}${h}:${m}`;
}

// private functions

/** In seconds and the nine digits behind them, both exact as doubles; equal times that follow one another are written once. */
function nanosecondTexts({ base, offsets }: TimeColumn): (row: number) => string {
  const seconds = Number(base / NS_PER_SECOND);
  const rest = Number(base % NS_PER_SECOND);
  const width = Number(NS_PER_SECOND);
  let last = Number.NaN;
  let text = '';
  return (row) => {
    const offset = offsets[row];
    if (offset === last) return text;
    last = offset;
    const ahead = Math.floor((rest + offset) / width);
    if (seconds + ahead > 0) text = `${seconds + ahead}${String(width + rest + offset - ahead * width).slice(1)}`;
    else text = String(base + BigInt(offset));
    return text;
  };
}

/**
 * Times of a result column as JSON bytes. A row takes over what it shares with the row before: of a time text the day, of nanoseconds
 * where they are counted from. So most rows need no bigint and no text.
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import { floorDiv, formatTime, NS_PER_SECOND } from '../../../model/index.ts';
import type { TimeColumn } from '../../../query/index.ts';
import type { JsonBytes } from './json-bytes.ts';
import { epochTexts, timeAt, zonedText } from './times.ts';

const SECOND = Number(NS_PER_SECOND);
const DAY = 86_400 * SECOND;
/** `2026-01-02T` */
const DAY_TEXT_LENGTH = 11;
const QUOTE = 0x22;
const POINT = 0x2e;
const COLON = 0x3a;
const Z = 0x5a;

/** Writes the time of a row: a numeral in the unit, or a quoted RFC3339 text where there is none. */
export function timeCell(column: TimeColumn, epoch: Epoch | null, out: JsonBytes): (row: number) => void {
  if (epoch === 'ns' && column.base >= 0n) return nanosecondCell(column, out);
  if (epoch !== null) {
    const texts = epochTexts(column, epoch);
    return (row) => out.text(texts(row));
  }
  return column.zone === undefined ? utcCell(column, out) : zonedCell(column, out);
}

// private functions

/** Seconds and the nine digits behind them, both exact as doubles. */
function nanosecondCell(column: TimeColumn, out: JsonBytes): (row: number) => void {
  const { base, offsets } = column;
  const seconds = Number(base / NS_PER_SECOND);
  const rest = Number(base % NS_PER_SECOND);
  return (row) => {
    const since = rest + offsets[row];
    const ahead = Math.floor(since / SECOND);
    if (seconds + ahead > 0) {
      out.integer(seconds + ahead);
      out.padded(since - ahead * SECOND, 9);
    } else out.text(String(timeAt(column, row)));
  };
}

function utcCell(column: TimeColumn, out: JsonBytes): (row: number) => void {
  const { base, offsets } = column;
  let dayStart = Number.NaN;
  let dayText = '';
  return (row) => {
    let since = offsets[row] - dayStart;
    if (!(since >= 0 && since < DAY)) {
      const day = floorDiv(timeAt(column, row), BigInt(DAY)) * BigInt(DAY);
      dayStart = Number(day - base);
      dayText = formatTime(day).slice(0, DAY_TEXT_LENGTH);
      since = offsets[row] - dayStart;
    }
    const seconds = Math.floor(since / SECOND);
    out.byte(QUOTE);
    out.text(dayText);
    out.padded(Math.floor(seconds / 3600), 2);
    out.byte(COLON);
    out.padded(Math.floor(seconds / 60) % 60, 2);
    out.byte(COLON);
    out.padded(seconds % 60, 2);
    fraction(since - seconds * SECOND, out);
    out.byte(Z);
    out.byte(QUOTE);
  };
}

/** As many digits as needed. */
function fraction(nanoseconds: number, out: JsonBytes): void {
  if (nanoseconds === 0) return;
  let value = nanoseconds;
  let digits = 9;
  for (; value % 10 === 0; value /= 10) digits--;
  out.byte(POINT);
  out.padded(value, digits);
}

/** Equal times that follow one another are formatted once. */
function zonedCell(column: TimeColumn, out: JsonBytes): (row: number) => void {
  let last = Number.NaN;
  let text = '';
  return (row) => {
    const offset = column.offsets[row];
    if (offset !== last) {
      text = `"${zonedText(timeAt(column, row), column.zone)}"`;
      last = offset;
    }
    out.text(text);
  };
}

/**
 * LiveTable: what a live query says now, as rows in order of time. Fed with the events of a Subscription; read by charts and
 * tables. A row is known by its series and its time (and the column `window`, where there is one): the same row again with the
 * same or a higher revision replaces it, an older revision is ignored, so that being told twice is harmless. Several rows that are known
 * alike (points of `top`, joined rows) are told together, and are one in this.
 *
 * Rows of a live tail have no identity (two points of two series may share a time): `append` keeps them all. Bounded: the oldest
 * rows of a series go first; of too many series the one that has been quiet longest.
 */
import { decodeRowKey, encodeRowKey, type FrameSeries, type FrameValue, type RowsFrame } from '../protocol/index.ts';
import type { LiveEvent } from './subscription.ts';

/** A chart of an hour of seconds. */
const ROWS_MAX = 3_600;
/** More lines than anybody can tell apart; enough for a table. */
const SERIES_MAX = 2_000;

export interface LiveTableOptions {
  /** Rows kept per series. */
  rowsMax?: number;
  seriesMax?: number;
  /** true: every row is a new one (live tail). */
  append?: boolean;
}

export interface LiveRow {
  /** As it came: a text, or a number of the subscription's epoch. */
  readonly time: FrameValue;
  readonly values: readonly FrameValue[];
  readonly rev: number;
  /** false: the window is still open, or may still be revised. */
  readonly final: boolean;
}

export interface LiveSeries {
  readonly key: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  /** In order of time. */
  readonly rows: readonly LiveRow[];
}

interface Kept {
  key: string;
  name: string;
  tags: Readonly<Record<string, string>>;
  columns: readonly string[];
  timeIndex: number;
  windowIndex: number;
  rows: LiveRow[];
}

export class LiveTable {
  readonly #rowsMax: number;
  readonly #seriesMax: number;
  readonly #append: boolean;
  /** In order of last change, so that the first is the quietest. */
  readonly #series = new Map<string, Kept>();
  #version = 0;
  #watermark: FrameValue = null;

  constructor(options: LiveTableOptions = {}) {
    this.#rowsMax = options.rowsMax ?? ROWS_MAX;
    this.#seriesMax = options.seriesMax ?? SERIES_MAX;
    this.#append = options.append ?? false;
  }

  /** Grows with every change: a view that has drawn this version need not draw again. */
  get version(): number {
    return this.#version;
  }

  /** How far the query has got, as the last `progress` said. */
  get watermark(): FrameValue {
    return this.#watermark;
  }

  /** True where something that a view shows has changed. */
  apply(event: LiveEvent): boolean {
    const before = this.#version;
    switch (event.op) {
      case 'rows':
        for (const series of event.series) this.#merge(series, event);
        break;
      case 'delete':
        for (const key of event.series) this.#delete(key);
        if (event.from !== undefined) this.#deleteFrom(event.from);
        break;
      case 'reset':
        this.clear();
        break;
      case 'progress':
        this.#watermark = event.watermark;
        break;
      default:
        break;
    }
    return this.#version !== before;
  }

  clear(): void {
    if (this.#series.size > 0) this.#version += 1;
    this.#series.clear();
  }

  /** Forgets rows before a time: what a chart's window has left behind. Series without rows go too. */
  trim(before: FrameValue): void {
    for (const kept of this.#series.values()) {
      const end = lowerBound(kept.rows, before);
      if (end === 0) continue;
      kept.rows.splice(0, end);
      this.#version += 1;
      if (kept.rows.length === 0) this.#series.delete(kept.key);
    }
  }

  /** Sorted by name and tags. */
  series(): LiveSeries[] {
    return [...this.#series.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  // private functions

  #merge(series: FrameSeries, frame: RowsFrame): void {
    const kept = this.#keep(series);
    const rows = series.values.map((values): LiveRow => {
      const time = kept.timeIndex < 0 ? null : values[kept.timeIndex];
      return { time, values, rev: frame.rev, final: frame.final };
    });
    for (let from = 0, to = 0; from < rows.length; from = to) {
      while (to < rows.length && isSame(kept, rows[from], rows[to])) to += 1;
      this.#place(kept, rows.slice(from, to));
    }
    if (kept.rows.length > this.#rowsMax) kept.rows.splice(0, kept.rows.length - this.#rowsMax);
    this.#version += 1;
  }

  #keep(series: FrameSeries): Kept {
    const key = encodeRowKey(series.name, series.tags);
    let kept = this.#series.get(key);
    if (kept === undefined) {
      kept = { key, name: series.name, tags: series.tags ?? {}, columns: [], timeIndex: -1, windowIndex: -1, rows: [] };
    } else this.#series.delete(key);
    this.#series.set(key, kept);
    if (this.#series.size > this.#seriesMax) this.#series.delete(this.#series.keys().next().value as string);
    if (kept.columns.join('\n') !== series.columns.join('\n')) {
      kept.columns = series.columns;
      kept.timeIndex = series.columns.indexOf('time');
      kept.windowIndex = series.columns.indexOf('window');
    }
    return kept;
  }

  /** Rows that are known alike, in place of those that were there. */
  #place(kept: Kept, news: readonly LiveRow[]): void {
    const { rows } = kept;
    const [{ time, rev }] = news;
    if (this.#append) {
      rows.splice(upperBound(rows, time), 0, ...news);
      return;
    }
    let from = lowerBound(rows, time);
    while (from < rows.length && rows[from].time === time && !isSame(kept, rows[from], news[0])) from += 1;
    let to = from;
    while (to < rows.length && isSame(kept, rows[to], news[0])) to += 1;
    if (from === to || rows[from].rev <= rev) rows.splice(from, to - from, ...news);
  }

  #delete(text: string): void {
    const key = decodeRowKey(text);
    if (key === null) return;
    const seriesKey = encodeRowKey(key.name, key.tags);
    const kept = this.#series.get(seriesKey);
    if (kept === undefined) return;
    this.#version += 1;
    if (key.time !== undefined) kept.rows = kept.rows.filter((row) => row.time !== key.time);
    if (key.time === undefined || kept.rows.length === 0) this.#series.delete(seriesKey);
  }

  #deleteFrom(time: FrameValue): void {
    for (const kept of this.#series.values()) {
      const from = lowerBound(kept.rows, time);
      if (from === kept.rows.length) continue;
      kept.rows.length = from;
      this.#version += 1;
      if (from === 0) this.#series.delete(kept.key);
    }
  }
}

// private functions

function isSame({ windowIndex }: Kept, a: LiveRow, b: LiveRow): boolean {
  return a.time === b.time && (windowIndex < 0 || a.values[windowIndex] === b.values[windowIndex]);
}

/** First row whose time is not before `time`. */
function lowerBound(rows: readonly LiveRow[], time: FrameValue): number {
  if (rows.length === 0 || compareTimes(rows[rows.length - 1].time, time) < 0) return rows.length;
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareTimes(rows[middle].time, time) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(rows: readonly LiveRow[], time: FrameValue): number {
  let at = lowerBound(rows, time);
  while (at < rows.length && rows[at].time === time) at += 1;
  return at;
}

/**
 * Numbers by value. Texts are RFC3339 in UTC of years with four digits: equal to the second they sort as texts, and behind the
 * second `Z` would sort after digits, so it is cut off. null (no time column) is equal to itself.
 */
function compareTimes(a: FrameValue, b: FrameValue): number {
  if (typeof a === 'string' && typeof b === 'string') {
    const x = a.endsWith('Z') ? a.slice(0, -1) : a;
    const y = b.endsWith('Z') ? b.slice(0, -1) : b;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return Number(a) - Number(b);
}

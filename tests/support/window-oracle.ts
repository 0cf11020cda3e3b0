/**
 * A second opinion about windows, by brute force: every window that could hold a point is listed, every point is asked of every window,
 * and aggregates are computed from the points themselves. Slow, and written from the description of the language alone: it shares no
 * code with query/. Local time is what the engine's Intl says of one moment.
 */

export interface Point {
  /** ns. */
  readonly time: bigint;
  /** Of points of one time in one group, which comes first. */
  readonly series: string;
  readonly group: string;
  readonly v: number | null;
  readonly i: number | null;
  readonly s: string | null;
}

export type OracleWindow =
  | { readonly of: 'hop'; readonly size: bigint; readonly every: bigint; readonly offset?: bigint }
  | { readonly of: 'cumulate'; readonly size: bigint; readonly step: bigint }
  | { readonly of: 'months'; readonly months: number }
  | {
      readonly of: 'session';
      readonly gap: bigint;
      readonly longest: bigint | null;
      /** A session begins where v is above the first and ends where it is below the second; null = with any point, and none. */
      readonly edges: readonly [number, number] | null;
    }
  | { readonly of: 'state' }
  /** From v > start to v < end. */
  | { readonly of: 'event'; readonly start: number; readonly end: number }
  | { readonly of: 'rows'; readonly size: number; readonly every: number }
  | { readonly of: 'sliding'; readonly size: bigint };

/** `zone`: null = UTC. `max`: the last nanosecond asked for. */
export interface OracleQuery {
  readonly window: OracleWindow;
  readonly zone: string | null;
  readonly min: bigint;
  readonly max: bigint;
}

interface Found {
  readonly time: bigint;
  readonly start: bigint;
  readonly end: bigint;
  readonly points: readonly Point[];
}

const QUARTER_HOUR = 900_000_000_000n;
const HOUR = 3_600_000_000_000n;

/** By group, the rows [time, _start, _end, _count, count(v), sum(v), min(v), max(i), mean(v), median(v)], times as texts. */
export function oracleRows(points: readonly Point[], query: OracleQuery): Map<string, unknown[][]> {
  const rows = new Map<string, unknown[][]>();
  const asked = points.filter(({ time }) => time >= query.min && time <= query.max);
  for (const group of [...new Set(asked.map((point) => point.group))].sort()) {
    const own = asked.filter((point) => point.group === group);
    own.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.series < b.series ? -1 : 1));
    const found = windowsOf(own, query).map(rowOf);
    if (found.length > 0) rows.set(group, found);
  }
  return rows;
}

// private functions

function windowsOf(points: readonly Point[], query: OracleQuery): Found[] {
  switch (query.window.of) {
    case 'hop':
    case 'cumulate':
    case 'months':
      return timeWindows(
        points.filter(({ v, i }) => v !== null || i !== null),
        query,
      );
    case 'state':
      return rowWindows(points, query.window);
    default:
      return rowWindows(
        points.filter(({ v, i }) => v !== null || i !== null),
        query.window,
      );
  }
}

function timeWindows(points: readonly Point[], query: OracleQuery): Found[] {
  if (points.length === 0) return [];
  return edgesOf(query, points[0].time, points[points.length - 1].time)
    .map(([start, end]) => ({
      time: start,
      start,
      end,
      points: points.filter(({ time }) => time >= start && time < end),
    }))
    .filter((found) => found.points.length > 0);
}

/** Every window of time that may hold a point of [first, last], in order. */
function edgesOf({ window, zone, max }: OracleQuery, first: bigint, last: bigint): [bigint, bigint][] {
  const edges: [bigint, bigint][] = [];
  const utc = (local: bigint): bigint => (zone === null ? local : utcOf(local, zone));
  const near = 60n * HOUR;
  if (window.of === 'months') {
    for (let year = 1960; year < 2040; year++) {
      for (let month = 0; month < 12; month += 1) {
        if (((year - 1970) * 12 + month) % window.months !== 0) continue;
        const [start, end] = [0, window.months].map((m) => BigInt(Date.UTC(year, month + m, 1)) * 1_000_000n);
        if (end + near >= first && start - near <= last) edges.push([utc(start), utc(end)]);
      }
    }
  } else if (window.of === 'hop') {
    const { size, every, offset = 0n } = window;
    const from = (first - near - size - offset) / every - 2n;
    const to = (last + near - offset) / every + 2n;
    for (let n = from; n <= to; n++) {
      const local = offset + n * every;
      edges.push([utc(local), utc(local + size)]);
    }
  } else if (window.of === 'cumulate') {
    const { size, step } = window;
    for (let n = (first - near) / size - 2n; n <= (last + near) / size + 2n; n++) {
      for (let s = step; s <= size; s += step) {
        // a window whose last step lies behind the times asked for says nothing new
        if (utc(n * size + s - step) <= max) edges.push([utc(n * size), utc(n * size + s)]);
      }
    }
  }
  return edges;
}

function rowWindows(points: readonly Point[], window: OracleWindow): Found[] {
  const found: { time: bigint; start: bigint; end: bigint; points: Point[] }[] = [];
  const open = (point: Point): void => {
    found.push({ time: point.time, start: point.time, end: point.time, points: [] });
  };
  const add = (point: Point, end = point.time): void => {
    found[found.length - 1].points.push(point);
    found[found.length - 1].end = end;
  };
  switch (window.of) {
    case 'session': {
      let inside = false;
      for (const [n, point] of points.entries()) {
        const { longest, gap, edges } = window;
        if (inside && longest !== null && point.time - found.at(-1)!.start >= longest) inside = false;
        if (n > 0 && point.time - points[n - 1].time >= gap) inside = false;
        if (!inside && (edges === null || (point.v !== null && point.v > edges[0]))) {
          inside = true;
          open(point);
        }
        if (!inside) continue;
        const isLast = edges !== null && point.v !== null && point.v < edges[1];
        add(point, isLast ? point.time : point.time + gap);
        if (isLast) inside = false;
      }
      break;
    }
    case 'state': {
      let state: string | null = null;
      for (const point of points) {
        if (point.s !== null && point.s !== state) open(point);
        state = point.s ?? state;
        if (state !== null) add(point);
      }
      break;
    }
    case 'event': {
      let inside = false;
      for (const point of points) {
        if (!inside && point.v !== null && point.v > window.start) {
          inside = true;
          open(point);
        }
        if (inside) add(point);
        if (point.v !== null && point.v < window.end) inside = false;
      }
      break;
    }
    case 'rows':
      for (let from = 0; from < points.length; from += window.every) {
        const some = points.slice(from, from + window.size);
        open(some[0]);
        for (const point of some) add(point);
      }
      break;
    case 'sliding':
      for (const time of new Set(points.map((point) => point.time))) {
        const start = time - window.size;
        found.push({ time, start, end: time, points: points.filter((p) => p.time > start && p.time <= time) });
      }
      break;
    default:
  }
  return found;
}

function rowOf({ time, start, end, points }: Found): unknown[] {
  const v = points.flatMap((point) => point.v ?? []).sort((a, b) => a - b);
  const i = points.flatMap((point) => point.i ?? []);
  const sum = v.reduce((a, b) => a + b, 0);
  const middle = v.length >> 1;
  const median = v.length % 2 === 1 ? v[middle] : (v[middle - 1] + v[middle]) / 2;
  const ofV = v.length === 0 ? [null, null, null] : [v.length, sum, v[0]];
  const more = v.length === 0 ? [null, null] : [sum / v.length, median];
  return [`${time}`, `${start}`, `${end}`, points.length, ...ofV, i.length === 0 ? null : Math.max(...i), ...more];
}

/** The first moment, on a quarter of an hour, at which clocks show this local time or a later one. */
function utcOf(local: bigint, zone: string): bigint {
  const floor = local - (((local % QUARTER_HOUR) + QUARTER_HOUR) % QUARTER_HOUR);
  for (let time = floor - 15n * HOUR; ; time += QUARTER_HOUR) if (localOf(time, zone) >= local) return time;
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();
const SEEN = new Map<string, bigint>();

function localOf(time: bigint, zone: string): bigint {
  const key = `${zone} ${time}`;
  const seen = SEEN.get(key);
  if (seen !== undefined) return seen;
  let format = FORMATS.get(zone);
  if (format === undefined) {
    const numeric = 'numeric';
    const parts = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric } as const;
    FORMATS.set(zone, (format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...parts })));
  }
  const part = Object.fromEntries(
    format.formatToParts(Number(time / 1_000_000n)).map(({ type, value }) => [type, value]),
  );
  const ms = Date.UTC(+part.year, +part.month - 1, +part.day, +part.hour, +part.minute);
  SEEN.set(key, BigInt(ms) * 1_000_000n);
  return BigInt(ms) * 1_000_000n;
}

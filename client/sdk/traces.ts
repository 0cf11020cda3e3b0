/**
 * Tables → traces: what a chart draws. One trace per series and numeric column, all over one ascending list of times in
 * milliseconds; null where a trace has no value. Pure.
 */
import type { FrameValue } from '../protocol/index.ts';
import type { LiveSeries } from './live-table.ts';
import type { Series } from './requests.ts';

export interface Trace {
  readonly label: string;
  /** Measurement, tags and column: the same trace in the next drawing has the same key. */
  readonly key: string;
  readonly column: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly values: (number | null)[];
}

export interface Traces {
  readonly times: number[];
  readonly traces: Trace[];
  /** How many there were before the quiet ones were left out. */
  readonly total: number;
}

/** What both a live series and an answer's series can be read as. */
interface Readable {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly FrameValue[])[];
}

/** Where nothing came for longer than `gapMs` every trace gets a hole, so that no line is drawn over a time nobody knows of. */
export function tracesOfLive(
  series: readonly LiveSeries[],
  tracesMax: number,
  gapMs = Number.POSITIVE_INFINITY,
): Traces {
  return tracesOf(
    series.map(({ name, tags, columns, rows }) => ({ name, tags, columns, rows: rows.map((row) => row.values) })),
    tracesMax,
    gapMs,
  );
}

export function tracesOfAnswer(series: readonly Series[], tracesMax: number): Traces {
  return tracesOf(
    series.map(({ name, tags, columns, values }) => ({ name, tags: tags ?? {}, columns, rows: values })),
    tracesMax,
  );
}

/** Time of a row in milliseconds; NaN where it has none. */
export function timeMs(value: FrameValue | undefined): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}

/** The newest value of a trace, null where there is none. */
export function lastValue(trace: Trace | undefined): number | null {
  return trace?.values.findLast((value) => value !== null) ?? null;
}

// private functions

function tracesOf(all: readonly Readable[], tracesMax: number, gapMs = Number.POSITIVE_INFINITY): Traces {
  const index = new Map<number, number>();
  for (const series of all) {
    const timeAt = series.columns.indexOf('time');
    for (const row of series.rows) {
      const time = timeMs(row[timeAt]);
      if (!Number.isNaN(time)) index.set(time, 0);
    }
  }
  const times = withHoles(
    [...index.keys()].sort((a, b) => a - b),
    gapMs,
  );
  times.forEach((time, i) => {
    index.set(time, i);
  });
  const traces: Trace[] = [];
  for (const series of all)
    traces.push(
      ...tracesOfSeries(
        series,
        times,
        index,
        all.some((other) => other.name !== series.name),
      ),
    );
  return { times, traces: busiest(traces, tracesMax), total: traces.length };
}

function withHoles(times: number[], gapMs: number): number[] {
  if (!times.some((time, i) => time - times[i - 1] > gapMs)) return times;
  return times.flatMap((time, i) => (time - times[i - 1] > gapMs ? [times[i - 1] + 1, time] : [time]));
}

function tracesOfSeries(
  series: Readable,
  times: number[],
  index: ReadonlyMap<number, number>,
  named: boolean,
): Trace[] {
  const timeAt = series.columns.indexOf('time');
  const found: Trace[] = [];
  const numeric = series.columns.map((_, c) => c !== timeAt && series.rows.some((row) => typeof row[c] === 'number'));
  const several = numeric.filter(Boolean).length > 1;
  const tagText = Object.values(series.tags)
    .filter((value) => value !== '')
    .join(' · ');
  series.columns.forEach((column, c) => {
    if (!numeric[c]) return;
    const values: (number | null)[] = new Array(times.length).fill(null);
    for (const row of series.rows) {
      const at = index.get(timeMs(row[timeAt]));
      const value = row[c];
      if (at !== undefined && typeof value === 'number') values[at] = value;
    }
    const parts = [named || (tagText === '' && !several && column === 'value') ? series.name : '', tagText];
    if (several || parts.every((part) => part === '')) parts.push(column);
    const label = parts.filter((part) => part !== '').join(' · ');
    found.push({ label, key: JSON.stringify([series.name, series.tags, column]), column, tags: series.tags, values });
  });
  return found;
}

/** The traces with the greatest sum, in their own order. */
function busiest(traces: Trace[], tracesMax: number): Trace[] {
  if (traces.length <= tracesMax) return traces;
  const weight = new Map(
    traces.map((trace) => [trace, trace.values.reduce<number>((sum, v) => sum + Math.abs(v ?? 0), 0)]),
  );
  const kept = new Set([...traces].sort((a, b) => weight.get(b)! - weight.get(a)!).slice(0, tracesMax));
  return traces.filter((trace) => kept.has(trace));
}

/**
 * What the dashboard shows: one live query per panel over `_internal`, and how its answer is drawn. The names are those that the
 * server's telemetry writes every second. Tiles read the panels' own answers, so that they cost no query of their own.
 */
import { quoteText } from '../sdk/index.ts';
import type { Unit } from './format.ts';

export interface Span {
  readonly key: string;
  readonly text: string;
  readonly ms: number;
  /** Width of a window: about 300 to a chart. */
  readonly every: string;
  /** So long without a window is a hole: a few reports that came late are none. */
  readonly gapMs: number;
}

export const SPANS: readonly Span[] = [
  { key: '1m', text: '1 min', ms: 60_000, every: '1s', gapMs: 5_000 },
  { key: '5m', text: '5 min', ms: 300_000, every: '1s', gapMs: 5_000 },
  { key: '15m', text: '15 min', ms: 900_000, every: '3s', gapMs: 9_000 },
  { key: '1h', text: '1 hour', ms: 3_600_000, every: '10s', gapMs: 30_000 },
];

export interface PanelDefinition {
  readonly id: string;
  readonly title: string;
  readonly select: string;
  readonly from: string;
  /** Tags besides the host that each have their own trace. */
  readonly by: readonly string[];
  readonly unit: Unit;
  readonly min?: number;
  readonly max?: number;
  readonly palette?: 'scale';
  readonly area?: boolean;
  readonly strong?: string;
  /** Label of a trace that the others are measured by: dashed, never filled. */
  readonly reference?: string;
  /** Values that are missing for a second are stepped over: they come only where something happened. */
  readonly joined?: boolean;
  /** Takes two columns of the grid where there is room. */
  readonly wide?: boolean;
  readonly tracesMax: number;
}

export const PANELS: readonly PanelDefinition[] = [
  {
    id: 'cpu',
    title: 'CPU by core',
    select: 'mean("busy") AS "busy"',
    from: 'cpu',
    by: ['core'],
    unit: 'percent',
    min: 0,
    max: 100,
    palette: 'scale',
    strong: 'total',
    wide: true,
    tracesMax: 64,
  },
  {
    id: 'points',
    title: 'Points written',
    select: 'mean("points_in_per_second") AS "points"',
    from: 'millrace',
    by: ['door'],
    unit: 'rate',
    min: 0,
    area: true,
    tracesMax: 6,
  },
  {
    id: 'latency',
    title: 'Latency, 99th percentile',
    select:
      'max("write_ms_p99") AS "write", max("fsync_ms_p99") AS "fsync", max("live_lag_ms_p99") AS "push", max("query_ms_p99") AS "query"',
    from: 'millrace',
    by: [],
    unit: 'ms',
    min: 0,
    joined: true,
    tracesMax: 4,
  },
  {
    id: 'memory',
    title: 'Memory',
    select: 'mean("used") AS "used", mean("cached") AS "cached", mean("total") AS "total"',
    from: 'memory',
    by: [],
    unit: 'bytes',
    min: 0,
    area: true,
    reference: 'total',
    tracesMax: 4,
  },
  {
    id: 'load',
    title: 'Load average',
    select: 'mean("load1") AS "1 min", mean("load5") AS "5 min", mean("load15") AS "15 min"',
    from: 'load',
    by: [],
    unit: 'number',
    min: 0,
    tracesMax: 3,
  },
  {
    id: 'network',
    title: 'Network',
    select: 'mean("received_bytes_per_second") AS "in", mean("sent_bytes_per_second") AS "out"',
    from: 'network',
    by: ['interface'],
    unit: 'bytes/s',
    min: 0,
    tracesMax: 8,
  },
  {
    id: 'disk',
    title: 'Disk',
    select: 'mean("read_bytes_per_second") AS "read", mean("written_bytes_per_second") AS "written"',
    from: 'disk',
    by: ['device'],
    unit: 'bytes/s',
    min: 0,
    tracesMax: 8,
  },
  {
    id: 'clients',
    title: 'Live clients',
    select:
      'max("sessions") AS "sessions", max("subscriptions") AS "subscriptions", max("live_queries") AS "live queries"',
    from: 'millrace',
    by: [],
    unit: 'number',
    min: 0,
    tracesMax: 3,
  },
  {
    id: 'process',
    title: 'Server memory',
    select:
      'mean("rss_bytes") AS "resident", mean("heap_used_bytes") AS "heap", mean("array_buffer_bytes") AS "buffers"',
    from: 'process',
    by: [],
    unit: 'bytes',
    min: 0,
    area: true,
    tracesMax: 3,
  },
  {
    id: 'loop',
    title: 'Event loop delay',
    select: 'max("event_loop_lag_p99_ms") AS "p99", max("event_loop_lag_max_ms") AS "max"',
    from: 'process',
    by: [],
    unit: 'ms',
    min: 0,
    tracesMax: 2,
  },
  {
    id: 'filesystem',
    title: 'Space on disk',
    select: 'mean("used_percent") AS "used"',
    from: 'filesystem',
    by: ['path'],
    unit: 'percent',
    min: 0,
    max: 100,
    area: true,
    tracesMax: 6,
  },
];

export interface TileDefinition {
  readonly title: string;
  readonly panel: string;
  /** Label of the trace, or `sum` over all traces of the panel. */
  readonly trace: string;
  readonly unit: Unit;
  /** Trace whose value is the whole, shown small behind. */
  readonly of?: string;
}

export const TILES: readonly TileDefinition[] = [
  { title: 'CPU', panel: 'cpu', trace: 'total', unit: 'percent' },
  { title: 'Memory', panel: 'memory', trace: 'used', of: 'total', unit: 'bytes' },
  { title: 'Load', panel: 'load', trace: '1 min', unit: 'number' },
  { title: 'Points written', panel: 'points', trace: 'sum', unit: 'rate' },
  { title: 'Write p99', panel: 'latency', trace: 'write', unit: 'ms' },
  { title: 'Subscriptions', panel: 'clients', trace: 'subscriptions', unit: 'number' },
  { title: 'Server memory', panel: 'process', trace: 'resident', unit: 'bytes' },
  { title: 'Event loop p99', panel: 'loop', trace: 'p99', unit: 'ms' },
];

/** The live query of a panel. */
export function panelQuery(panel: PanelDefinition, span: Span, host: string): string {
  const where = `"host" = ${quoteText(host)} AND time > now() - ${span.key}`;
  const by = [`time(${span.every})`, ...panel.by.map((tag) => `"${tag}"`)].join(', ');
  return `SELECT ${panel.select} FROM "${panel.from}" WHERE ${where} GROUP BY ${by} fill(none)`;
}

/**
 * A chart over time: uPlot with our axes, colours and legend. The only file that knows uPlot. Fed with traces; it makes a new plot
 * only when the traces, the theme or the unit are others, and otherwise just gives it the new numbers.
 */

import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { lastValue, type Traces } from '../sdk/index.ts';
import { faded, hueColor, scaleColor, styleColor, theme } from './colors.ts';
import { formatClock, formatValue, type Unit } from './format.ts';

/** Past this the legend would be taller than the chart. */
const LEGEND_MAX = 16;
/** A server that has just started has little to show: the axis begins this wide and grows to its span. */
const RANGE_MS_MIN = 60_000;
/** Whole steps of the units bytes are shown in: 1, 2, 4 … 512 B, KiB, MiB … */
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);
/** Up to so many points a trace shows its points, when they are far apart. */
const DOTS_MAX = 40;

export interface ChartProps {
  readonly traces: Traces;
  readonly unit: Unit;
  readonly height: number;
  /** Widest time axis; absent: from the first to the last time. */
  readonly rangeMs?: number;
  /** Fixed values that the y axis always holds. */
  readonly min?: number;
  readonly max?: number;
  /** `scale`: traces are many of one kind. */
  readonly palette?: 'hues' | 'scale';
  /** Fill under the lines. */
  readonly area?: boolean;
  /** Label of a trace that is drawn stronger than the rest. */
  readonly strong?: string;
  /** Label of a trace that the others are measured by: dashed, never filled. */
  readonly reference?: string;
  /** Draw over missing values. */
  readonly joined?: boolean;
  /** Charts with the same key move their cursors together. */
  readonly syncKey?: string;
  readonly label: string;
}

export function Chart(props: ChartProps) {
  const { traces, unit, height } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const hovered = useSignal<number | null>(null);
  const identity = traces.traces.map((trace) => trace.key).join('\n');
  const colors = useMemo(() => colorsOf(props), [identity, theme.value, props.palette]);
  const current = useRef(props);
  current.current = props;

  useLayoutEffect(() => {
    const element = holder.current!;
    const made = new uPlot(optionsOf(current, element.clientWidth, colors, hovered), dataOf(traces), element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: current.current.height }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [identity, theme.value, unit, height]);

  useEffect(() => {
    plot.current?.setData(dataOf(traces));
  }, [traces]);

  const at = hovered.value !== null && hovered.value < traces.times.length ? hovered.value : null;
  return (
    <figure
      class="chart"
      aria-label={props.label}
      data-points={traces.times.length}
      data-last={traces.times.at(-1) ?? ''}
    >
      <div class="chart-plot" ref={holder} style={{ height: `${height}px` }} />
      <figcaption class="legend">
        {traces.traces.slice(0, LEGEND_MAX).map((trace, i) => (
          <span class="legend-item" key={trace.key}>
            <i class="swatch" style={{ background: colors[i] }} />
            <span class="legend-label">{trace.label}</span>
            <b class="num">{formatValue(at === null ? lastValue(trace) : trace.values[at], unit)}</b>
          </span>
        ))}
        {traces.traces.length > LEGEND_MAX && <span class="muted">and {traces.traces.length - LEGEND_MAX} more</span>}
        {traces.total > traces.traces.length && (
          <span class="muted">
            the busiest {traces.traces.length} of {traces.total}
          </span>
        )}
        {at !== null && <span class="legend-time num">{formatClock(traces.times[at], Date.now())}</span>}
      </figcaption>
    </figure>
  );
}

// private functions

function colorsOf({ traces, palette, strong, reference }: ChartProps): string[] {
  const of = theme.value;
  if (palette !== 'scale') {
    return traces.traces.map((trace, i) => (trace.label === reference ? styleColor('--ink-3') : hueColor(i, of)));
  }
  const many = traces.traces.filter((trace) => trace.label !== strong);
  return traces.traces.map((trace) =>
    trace.label === strong ? styleColor('--ink') : scaleColor(many.indexOf(trace), many.length, of),
  );
}

function dataOf(traces: Traces): uPlot.AlignedData {
  return [traces.times, ...traces.traces.map((trace) => trace.values)] as uPlot.AlignedData;
}

function optionsOf(
  props: { readonly current: ChartProps },
  width: number,
  colors: readonly string[],
  hovered: { value: number | null },
): uPlot.Options {
  const { traces, unit, height, area, strong, reference, joined, syncKey, label } = props.current;
  const axis: uPlot.Axis = {
    stroke: styleColor('--ink-3'),
    grid: { stroke: styleColor('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px ui-sans-serif, system-ui, sans-serif',
  };
  return {
    width,
    height,
    ms: 1,
    padding: [8, 26, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: false, y: false },
      ...(syncKey === undefined ? {} : { sync: { key: syncKey, setSeries: false } }),
    },
    hooks: { setCursor: [(plot) => (hovered.value = plot.cursor.idx ?? null)] },
    scales: {
      x: { time: true, range: (_, min, max) => rangeX(props.current, min, max) },
      y: { range: (_, min, max) => rangeY(props.current, min, max) },
    },
    axes: [
      { ...axis, size: 26, gap: 4, space: 58, values: (_, ticks) => ticks.map((tick) => tickText(tick, ticks)) },
      {
        ...axis,
        size: unit === 'bytes/s' ? 74 : 60,
        gap: 6,
        space: 34,
        ...(unit.startsWith('bytes') ? { incrs: BYTE_STEPS } : {}),
        values: (_, ticks) => ticks.map((tick) => formatValue(tick, unit)),
      },
    ],
    series: [
      {},
      ...traces.traces.map((trace, i) => ({
        label: trace.label || label,
        stroke: colors[i],
        width: trace.label === strong ? 2 : 1.5,
        spanGaps: joined ?? false,
        ...(trace.label === reference ? { dash: [5, 4] } : area ? { fill: faded(colors[i], 13) } : {}),
        points: {
          show: (_: uPlot, __: number, from: number, to: number) =>
            to - from < DOTS_MAX && props.current.rangeMs === undefined,
        },
      })),
    ],
  };
}

function rangeX({ rangeMs }: ChartProps, min: number, max: number): [number, number] {
  if (min === null || max === null) return [Date.now() - (rangeMs ?? 60_000), Date.now()];
  if (rangeMs !== undefined) return [Math.max(max - rangeMs, Math.min(min, max - RANGE_MS_MIN)), max];
  return min === max ? [min - 1000, max + 1000] : [min, max];
}

function rangeY({ min: low, max: high }: ChartProps, min: number | null, max: number | null): [number, number] {
  const bottom = Math.min(low ?? min ?? 0, min ?? 0);
  const top = Math.max(high ?? max ?? 1, max ?? 1);
  if (low !== undefined && high !== undefined) return [bottom, top];
  const room = (top - bottom || Math.abs(top) || 1) * 0.12;
  return [low === undefined && bottom !== 0 ? bottom - room : bottom, top + room];
}

/** Seconds only where ticks are closer than a minute; the day where a tick is midnight of another. */
function tickText(tick: number, ticks: readonly number[]): string {
  const date = new Date(tick);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 60_000;
  if (step >= 86_400_000 || (date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0)) {
    return date.toLocaleDateString(undefined, { month: 'short', day: 'numeric' });
  }
  const clock = formatClock(tick, tick);
  return step >= 60_000 ? clock.slice(0, 5) : clock;
}

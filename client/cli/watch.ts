/**
 * `millrace watch`: a live query as a chart in the terminal, or as a table of the newest row of each series. Draws over itself a few
 * times a second; where the output is no terminal it prints rows as lines, as `tail` does.
 */
import type { Command } from 'commander';
import { type LiveSeries, LiveTable, lastValue, type Millrace, tracesOfLive } from '../sdk/index.ts';
import { brailleChart, TRACE_COLORS } from './braille.ts';
import { type ServerFlags, serverCommand, textOf, withClient } from './common.ts';
import { grid } from './format.ts';
import { printEvent } from './tail.ts';

/** Faster no terminal shows it without flicker. */
const DRAW_MS = 250;
/** What a chart of dots can carry; more series become a table. */
const CHART_SERIES_MAX = TRACE_COLORS.length;
const RESET = '\x1b[0m';
const DIM = '\x1b[2m';

interface Flags extends ServerFlags {
  readonly db: string;
  readonly table: boolean;
}

export function watchCommand(): Command {
  return serverCommand('watch', 'Show a live query as a chart or table.')
    .argument('[query...]', 'the query; without it standard input is read')
    .requiredOption('--db <name>', 'database', process.env.MILLRACE_DB)
    .option('--table', 'always a table', false)
    .action(watch);
}

/** The screen as text, at most `rows` lines. Pure. */
export function drawScreen(
  series: readonly LiveSeries[],
  head: string,
  columns: number,
  rows: number,
  table: boolean,
): string {
  const { times, traces, total } = tracesOfLive(series, CHART_SERIES_MAX);
  const asTable = table || total > CHART_SERIES_MAX || times.length < 2;
  const body = asTable ? tableBody(series, rows - 2) : chartBody(times, traces, columns, rows - 2);
  const lines = [`${head}`, ...body].slice(0, rows - 1);
  return lines.map((line) => `${line}\x1b[K`).join('\n');
}

// private functions

async function watch(words: string[], flags: Flags): Promise<void> {
  const q = await textOf(words, 'query');
  await withClient(flags, async (client) => {
    await client.ping();
    if (process.stdout.isTTY) await draw(client, q, flags);
    else for await (const event of client.subscribe(flags.db, q)) printEvent(event, 'lines');
  });
}

async function draw(client: Millrace, q: string, flags: Flags): Promise<void> {
  const live = new LiveTable();
  const subscription = client.subscribe(flags.db, q, { epoch: 'ms', maxHz: 1000 / DRAW_MS });
  let drawn = -1;
  function redraw(): void {
    const { columns = 80, rows = 24 } = process.stdout;
    const state = client.state === 'connected' ? '' : ` (${client.state})`;
    if (live.version === drawn && state === '') return;
    drawn = live.version;
    const head = `${DIM}${(subscription.query || q).replaceAll('\n', ' ').slice(0, columns - state.length - 1)}${state}${RESET}`;
    process.stdout.write(`\x1b[H${drawScreen(live.series(), head, columns, rows, flags.table)}\x1b[J`);
  }
  process.stdout.write('\x1b[?25l\x1b[2J');
  const timer = setInterval(redraw, DRAW_MS);
  try {
    for await (const event of subscription) live.apply(event);
  } finally {
    clearInterval(timer);
    process.stdout.write('\x1b[?25h\n');
  }
}

function chartBody(
  times: readonly number[],
  traces: ReturnType<typeof tracesOfLive>['traces'],
  columns: number,
  rows: number,
): string[] {
  const legend = traces.map((trace, i) => {
    const value = lastValue(trace);
    return `${TRACE_COLORS[i]}━${RESET} ${trace.label} ${value === null ? '-' : Number(value.toPrecision(4))}`;
  });
  return [...brailleChart(times, traces, columns, Math.max(3, rows - 2)), legend.join('   ')];
}

function tableBody(series: readonly LiveSeries[], rows: number): string[] {
  if (series.length === 0) return ['waiting for rows'];
  const tagKeys = [...new Set(series.flatMap(({ tags }) => Object.keys(tags)))];
  const columns = [...new Set(series.flatMap((one) => one.columns))].filter((column) => column !== 'time');
  const body = series.map((one) => {
    const row = one.rows.at(-1)?.values ?? [];
    const time = row[one.columns.indexOf('time')];
    return [
      typeof time === 'number' ? new Date(time).toISOString().slice(11, 23) : (time ?? ''),
      one.name,
      ...tagKeys.map((key) => one.tags[key] ?? ''),
      ...columns.map((column) => row[one.columns.indexOf(column)] ?? null),
    ];
  });
  return grid(['time', 'name', ...tagKeys, ...columns], body.slice(0, rows))
    .trimEnd()
    .split('\n');
}

/**
 * The query view: a box for any text, its answer as chart and table, and the same text live. History and measurements stand beside
 * it. Asks the server only when told to; the address always holds what is in the box when it was last run.
 */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import {
  MillraceError,
  type QueryResult,
  type Series,
  type Traces,
  tracesOfAnswer,
  tracesOfLive,
} from '../sdk/index.ts';
import { Chart } from './chart.tsx';
import { millrace } from './client.ts';
import { Editor } from './editor.tsx';
import { rememberAsked } from './history.ts';
import { type LiveFeed, useLive } from './live-query.ts';
import { Notice } from './notice.tsx';
import { QueryError } from './query-error.tsx';
import { ResultTable } from './result-table.tsx';
import { rememberRoute } from './route.ts';
import { Sidebar } from './sidebar.tsx';

const DEFAULT_DATABASE = '_internal';
const DEFAULT_QUERY = 'SELECT mean(busy) FROM cpu\nWHERE time > now() - 5m\nGROUP BY time(1s), core fill(none)';
const TRACES_MAX = 24;
const CHART_HEIGHT = 300;
/** Rows of a live tail that are kept. */
const TAIL_ROWS_MAX = 500;

interface Run {
  readonly db: string;
  readonly q: string;
  readonly live: boolean;
  /** Makes the same question again another one. */
  readonly turn: number;
}

export function QueryView({ parameters }: { parameters: URLSearchParams }) {
  const db = useSignal(parameters.get('db') ?? DEFAULT_DATABASE);
  const text = useSignal(parameters.get('q') ?? DEFAULT_QUERY);
  const live = useSignal(parameters.get('live') === '1');
  const run = useSignal<Run | null>(null);

  function start(): void {
    const q = text.value.trim();
    if (q === '') return;
    run.value = { db: db.value, q, live: live.value, turn: (run.value?.turn ?? 0) + 1 };
    rememberAsked({ db: db.value, q });
    rememberRoute('query', { db: db.value, q, ...(live.value ? { live: '1' } : {}) });
  }

  function setLive(on: boolean): void {
    live.value = on;
    if (run.value !== null || on) start();
  }

  useEffect(() => {
    if (parameters.has('q')) start();
  }, []);

  const current = run.value;
  return (
    <div class="query-view">
      <Sidebar
        db={db}
        onPick={(picked) => {
          db.value = picked.db;
          text.value = picked.q;
          start();
        }}
      />
      <div class="query-main">
        <Editor text={text} onRun={start} />
        <div class="bar">
          <button type="button" class="button-primary" onClick={start}>
            Run <kbd>Ctrl</kbd> <kbd>↵</kbd>
          </button>
          <label class="switch">
            <input
              type="checkbox"
              role="switch"
              checked={live.value}
              aria-checked={live.value}
              onChange={(event) => setLive(event.currentTarget.checked)}
            />
            <i />
            Go live
          </label>
          <div class="spacer" />
        </div>
        {current === null ? (
          <Notice
            kind="empty"
            title="Nothing asked yet"
            text="Write a query and press Ctrl+Enter, or pick a measurement."
          />
        ) : current.live ? (
          <LiveAnswer key={current.turn} run={current} />
        ) : (
          <Answer key={current.turn} run={current} />
        )}
      </div>
    </div>
  );
}

// private functions

interface Asking {
  readonly results: QueryResult[] | null;
  readonly error: MillraceError | null;
  readonly ms: number;
}

function Answer({ run }: { run: Run }) {
  const state = useSignal<Asking | null>(null);
  useEffect(() => {
    void ask(run, state);
  }, []);
  const asking = state.value;
  const series = useMemo(() => (asking?.results ?? []).flatMap((result) => result.series ?? []), [asking]);
  const traces = useMemo(() => tracesOfAnswer(series, TRACES_MAX), [series]);
  if (asking === null) return <Notice kind="loading" title="Asking" />;
  if (asking.error !== null) return <QueryError q={run.q} error={asking.error} />;
  const failed = asking.results!.filter((result) => result.error !== undefined);
  return (
    <section class="answer" aria-label="Answer">
      {failed.map((result) => (
        <QueryError key={result.statement_id} q={run.q} error={new MillraceError('invalid query', result.error!)} />
      ))}
      {series.length === 0 && failed.length === 0 ? (
        <Notice kind="empty" title="No rows" text="The query is fine; nothing matches it." />
      ) : (
        <Drawn
          series={series}
          traces={traces}
          summary={`${countText(series.length, 'series', 'series')}, ${countText(rowCount(series), 'row', 'rows')}, ${Math.round(asking.ms)} ms`}
        />
      )}
    </section>
  );
}

function LiveAnswer({ run }: { run: Run }) {
  const tail = isTail(run.q);
  const feed = useLive(run.db, run.q, tail ? { append: true, rowsMax: TAIL_ROWS_MAX } : {})!;
  const version = feed.version.value;
  const live = useMemo(() => feed.table.series(), [feed, version]);
  const traces = useMemo(() => tracesOfLive(live, TRACES_MAX), [live]);
  const series = useMemo(
    () =>
      live.map(({ name, tags, columns, rows }) => ({
        name,
        tags,
        columns: [...columns],
        values: rows.map((row) => [...row.values]),
      })),
    [live],
  );
  if (feed.error.value !== null) return <QueryError q={run.q} error={feed.error.value} />;
  if (series.length === 0) {
    return feed.phase.value === 'asking' ? (
      <Notice kind="loading" title="Subscribing" />
    ) : (
      <Notice kind="loading" title="Listening" text="Nothing has come yet; rows appear here as they do." />
    );
  }
  return (
    <section class="answer" aria-label="Live answer">
      <Drawn series={series} traces={traces} live={feed} summary={liveSummary(series, feed)} />
    </section>
  );
}

function Drawn({
  series,
  traces,
  summary,
  live,
}: {
  series: Series[];
  traces: Traces;
  summary: string;
  live?: LiveFeed;
}) {
  return (
    <>
      <div class="answer-head">
        {live !== undefined && <span class="badge badge-live">live</span>}
        <span class="muted num">{summary}</span>
        {live?.gap.value != null && <span class="badge badge-warn">gap: {live.gap.value}</span>}
      </div>
      {traces.times.length > 1 && traces.traces.length > 0 && (
        <div class="panel">
          <Chart
            label="Chart of the answer"
            traces={traces}
            unit="number"
            height={CHART_HEIGHT}
            palette={traces.traces.length > 8 ? 'scale' : 'hues'}
          />
        </div>
      )}
      <ResultTable series={series} newestFirst={live !== undefined} />
    </>
  );
}

async function ask(run: Run, state: Signal<Asking | null>): Promise<void> {
  const began = performance.now();
  try {
    const results = await millrace.query(run.db, run.q, { epoch: 'ms' });
    state.value = { results, error: null, ms: performance.now() - began };
  } catch (error) {
    const told = error instanceof MillraceError ? error : new MillraceError('internal', String(error));
    state.value = { results: null, error: told, ms: performance.now() - began };
  }
}

/** A live SELECT without any function is a tail: its rows have no identity. */
function isTail(q: string): boolean {
  return !/^\s*select\b[^;]*?\(/i.test(q.replace(/\bfrom\b[\s\S]*$/i, ''));
}

function liveSummary(series: readonly Series[], feed: LiveFeed): string {
  const conflated = feed.conflated.value > 0 ? `, ${feed.conflated.value} conflated` : '';
  return `${countText(series.length, 'series', 'series')}, ${countText(rowCount(series), 'row', 'rows')} shown, ${feed.rows.value.toLocaleString()} received${conflated}`;
}

function rowCount(series: readonly Series[]): number {
  return series.reduce((sum, { values }) => sum + values.length, 0);
}

function countText(count: number, one: string, many: string): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

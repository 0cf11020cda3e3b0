/**
 * The live queries that run on the server: who follows them, how far behind they are, what they hold, and a button that stops one for
 * everybody who follows it. Asks SHOW QUERIES again and again while it is on the page.
 */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type FrameValue, MillraceError } from '../sdk/index.ts';
import { millrace } from './client.ts';
import { formatValue } from './format.ts';
import { Notice } from './notice.tsx';
import { hrefOf } from './route.ts';

const DATABASE = '_internal';
const ASKED_MS = 2_000;
/** A page of rows that are drawn anew every two seconds; those with most subscribers are shown. */
const ROWS_MAX = 200;
/** A lag from here on stands out. */
const LATE_MS = 15_000;

interface LiveQuery {
  readonly id: number;
  readonly query: string;
  readonly database: string;
  readonly duration: string;
  readonly state: string;
  readonly subscribers: number;
  readonly lagMs: number | null;
  readonly panes: number;
  readonly late: number;
}

export function LiveList() {
  const queries = useSignal<readonly LiveQuery[] | null>(null);
  const problem = useSignal<string | null>(null);
  const stopping = useSignal<ReadonlySet<number>>(new Set());

  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function askAgain(): Promise<void> {
      await load(queries, problem);
      if (!over) timer = setTimeout(() => void askAgain(), ASKED_MS);
    }
    void askAgain();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);

  async function stop(id: number): Promise<void> {
    stopping.value = new Set([...stopping.value, id]);
    try {
      const [result] = await millrace.query(DATABASE, `KILL QUERY ${id}`);
      if (result?.error !== undefined) problem.value = result.error;
      else await load(queries, problem);
    } catch (error) {
      problem.value = textOf(error);
    }
    stopping.value = new Set([...stopping.value].filter((other) => other !== id));
  }

  return (
    <div class="live-list">
      <div class="bar">
        <h1>Live queries</h1>
        {queries.value !== null && <span class="muted num">{summaryOf(queries.value)}</span>}
      </div>
      {problem.value !== null && (
        <p class="badge badge-warn live-problem" role="alert">
          {problem.value}
        </p>
      )}
      <Listed queries={queries.value} stopping={stopping.value} stop={(id) => void stop(id)} />
    </div>
  );
}

// private functions

interface ListedProps {
  readonly queries: readonly LiveQuery[] | null;
  readonly stopping: ReadonlySet<number>;
  readonly stop: (id: number) => void;
}

function Listed({ queries, stopping, stop }: ListedProps) {
  if (queries === null) return <Notice kind="loading" title="Asking" />;
  if (queries.length === 0) {
    return (
      <Notice kind="empty" title="Nobody follows a query" text="Write one in the query view and switch it to live." />
    );
  }
  return (
    <div class="sheet">
      <table class="live-table">
        <thead>
          <tr>
            <th>Query</th>
            <th>Database</th>
            <th>State</th>
            <th class="right">Subscribers</th>
            <th class="right" title="How far the watermark is behind the clock; a tail has none">
              Lag
            </th>
            <th class="right">Panes</th>
            <th class="right">Late rows</th>
            <th class="right">Running</th>
            <th aria-label="Stop" />
          </tr>
        </thead>
        <tbody>
          {queries.slice(0, ROWS_MAX).map((query) => (
            <Row key={query.id} query={query} stopping={stopping.has(query.id)} stop={stop} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ query, stopping, stop }: { query: LiveQuery; stopping: boolean; stop: (id: number) => void }) {
  const { id, database, lagMs } = query;
  const late = lagMs !== null && lagMs >= LATE_MS;
  return (
    <tr data-query={id}>
      <td class="live-text">
        <a href={hrefOf('query', { db: database, q: query.query, live: '1' })} title="Open in the query view">
          {query.query}
        </a>
      </td>
      <td data-label="Database">{database}</td>
      <td data-label="State">
        <span class={`badge ${query.state === 'running' ? 'badge-live' : 'badge-warn'}`}>{query.state}</span>
      </td>
      <td class="right num" data-label="Subscribers">
        {query.subscribers.toLocaleString()}
      </td>
      <td class={`right num${late ? ' live-late' : ''}`} data-label="Lag">
        {lagMs === null ? '–' : formatValue(Math.max(0, lagMs), 'ms')}
      </td>
      <td class="right num" data-label="Panes">
        {query.panes.toLocaleString()}
      </td>
      <td class="right num" data-label="Late rows">
        {query.late.toLocaleString()}
      </td>
      <td class="right num" data-label="Running">
        {query.duration}
      </td>
      <td class="right live-stop">
        <button type="button" class="button-stop" disabled={stopping} onClick={() => stop(id)}>
          {stopping ? 'Stopping' : 'Stop'}
        </button>
      </td>
    </tr>
  );
}

async function load(queries: Signal<readonly LiveQuery[] | null>, problem: Signal<string | null>): Promise<void> {
  try {
    const [result] = await millrace.query(DATABASE, 'SHOW QUERIES');
    if (result?.error !== undefined) throw new MillraceError('invalid query', result.error);
    const live = result?.series?.find(({ name }) => name === 'live');
    queries.value = (live?.values ?? [])
      .map((row) => queryOf(live!.columns, row))
      .sort((a, b) => b.subscribers - a.subscribers || a.id - b.id);
    problem.value = null;
  } catch (error) {
    problem.value = textOf(error);
  }
}

function queryOf(columns: readonly string[], row: readonly FrameValue[]): LiveQuery {
  const value = (name: string): FrameValue => row[columns.indexOf(name)] ?? null;
  const lag = value('lag_ms');
  return {
    id: Number(value('qid')),
    query: String(value('query')),
    database: String(value('database')),
    duration: String(value('duration')),
    state: String(value('status')),
    subscribers: Number(value('subscribers')),
    lagMs: lag === null ? null : Number(lag),
    panes: Number(value('panes')),
    late: Number(value('late')),
  };
}

function summaryOf(queries: readonly LiveQuery[]): string {
  const subscribers = queries.reduce((sum, query) => sum + query.subscribers, 0);
  const shown = queries.length > ROWS_MAX ? `, the ${ROWS_MAX} with most subscribers are shown` : '';
  return `${queries.length.toLocaleString()} running, ${subscribers.toLocaleString()} subscribers${shown}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

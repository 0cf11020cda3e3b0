/**
 * The live queries that run on the server: who follows them, how far behind they are, what they hold, and a button that stops one for
 * everybody who follows it.
 */

import { formatValue } from './format.ts';
import { Notice } from './notice.tsx';
import { answerOf, type Named, rowsOf, usePolled } from './polled.ts';
import { hrefOf } from './route.ts';

const DATABASE = '_internal';
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
  const { value, problem, running, run } = usePolled(liveQueries);
  return (
    <section class="live-list" aria-labelledby="live-queries">
      <div class="bar">
        <h1 id="live-queries">Live queries</h1>
        {value.value !== null && <span class="muted num">{summaryOf(value.value)}</span>}
      </div>
      <Problem text={problem.value} />
      <Listed queries={value.value} running={running.value} run={(statement) => void run(DATABASE, statement)} />
    </section>
  );
}

/** What the server refused, above a list. */
export function Problem({ text }: { text: string | null }) {
  if (text === null) return null;
  return (
    <p class="badge badge-warn live-problem" role="alert">
      {text}
    </p>
  );
}

// private functions

interface ListedProps {
  readonly queries: readonly LiveQuery[] | null;
  readonly running: ReadonlySet<string>;
  readonly run: (statement: string) => void;
}

function Listed({ queries, running, run }: ListedProps) {
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
            <Row key={query.id} query={query} running={running} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ query, running, run }: { query: LiveQuery } & Omit<ListedProps, 'queries'>) {
  const { id, database, lagMs } = query;
  const late = lagMs !== null && lagMs >= LATE_MS;
  const kill = `KILL QUERY ${id}`;
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
      <td class="right live-act">
        <button type="button" class="button-act button-stop" disabled={running.has(kill)} onClick={() => run(kill)}>
          {running.has(kill) ? 'Stopping' : 'Stop'}
        </button>
      </td>
    </tr>
  );
}

async function liveQueries(): Promise<LiveQuery[]> {
  const series = await answerOf(DATABASE, 'SHOW QUERIES');
  return series
    .filter(({ name }) => name === 'live')
    .flatMap(rowsOf)
    .map(queryOf)
    .sort((a, b) => b.subscribers - a.subscribers || a.id - b.id);
}

function queryOf(value: Named): LiveQuery {
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
  return `${queries.length.toLocaleString()} running, ${subscribers.toLocaleString()} ${subscribers === 1 ? 'subscriber' : 'subscribers'}${shown}`;
}

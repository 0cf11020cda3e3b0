/**
 * What runs on the server without a client: stored continuous queries, with a button that pauses one or lets it go on, and alerts, how
 * they stand. Where there are none of a kind, nothing is shown of it.
 */
import type { ComponentChildren } from 'preact';
import { quoteName, quoteText } from '../sdk/index.ts';
import { Problem } from './live-list.tsx';
import { answerOf, type Named, rowsOf, usePolled } from './polled.ts';
import { hrefOf } from './route.ts';

/** A row of a SHOW statement and the database that its table is named after. */
interface Standing {
  readonly database: string;
  readonly value: Named;
}

export function StoredList() {
  const { value, problem, running, run } = usePolled(() => asked('SHOW CONTINUOUS QUERIES'));
  return (
    <List
      title="Stored queries"
      rows={value.value}
      problem={problem.value}
      heads={[
        ['Query', ''],
        ['Database', ''],
        ['State', ''],
        ['Points written', 'right'],
        ['Failures', 'right'],
        ['', ''],
      ]}
      row={(stored) => (
        <StoredRow
          key={keyOf(stored)}
          stored={stored}
          running={running.value}
          run={(db, statement) => void run(db, statement)}
        />
      )}
    />
  );
}

export function AlertList() {
  const { value, problem } = usePolled(() => asked('SHOW ALERTS'));
  return (
    <List
      title="Alerts"
      rows={value.value}
      problem={problem.value}
      heads={[
        ['Alert', ''],
        ['Database', ''],
        ['Level', ''],
        ['Series', 'right'],
        ['Pending', 'right'],
        ['Firing', 'right'],
        ['To be told', 'right'],
        ['Failures', 'right'],
      ]}
      row={(alert) => <AlertRow key={keyOf(alert)} alert={alert} />}
    />
  );
}

// private functions

interface ListProps {
  readonly title: string;
  readonly rows: readonly Standing[] | null;
  readonly problem: string | null;
  /** Text and class. */
  readonly heads: readonly (readonly [string, string])[];
  readonly row: (row: Standing) => ComponentChildren;
}

function List({ title, rows, problem, heads, row }: ListProps) {
  if (problem === null && (rows === null || rows.length === 0)) return null;
  return (
    <section class="live-list" aria-label={title}>
      <div class="bar">
        <h2>{title}</h2>
        {rows !== null && <span class="muted num">{rows.length.toLocaleString()}</span>}
      </div>
      <Problem text={problem} />
      {rows !== null && rows.length > 0 && (
        <div class="sheet">
          <table class="live-table">
            <thead>
              <tr>
                {heads.map(([text, kind]) => (
                  <th key={text} class={kind}>
                    {text}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{rows.map(row)}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface StoredRowProps {
  readonly stored: Standing;
  readonly running: ReadonlySet<string>;
  readonly run: (db: string, statement: string) => void;
}

function StoredRow({ stored: { database, value }, running, run }: StoredRowProps) {
  const name = String(value('name'));
  const isPaused = value('state') === 'paused';
  const change = `${isPaused ? 'RESUME' : 'PAUSE'} CONTINUOUS QUERY ${quoteName(name)} ON ${quoteName(database)}`;
  return (
    <tr data-stored={name}>
      <td class="live-text">
        <strong>{name}</strong>
        <code>{String(value('query'))}</code>
        <Failure value={value} />
      </td>
      <td data-label="Database">{database}</td>
      <td data-label="State">
        <span class={`badge ${value('state') === 'running' ? 'badge-live' : 'badge-warn'}`}>{value('state')}</span>
      </td>
      <Count label="Points written" of={value('points')} />
      <Count label="Failures" of={value('failures')} />
      <td class="right live-act">
        <button type="button" class="button-act" disabled={running.has(change)} onClick={() => run(database, change)}>
          {isPaused ? 'Resume' : 'Pause'}
        </button>
      </td>
    </tr>
  );
}

function AlertRow({ alert: { database, value } }: { alert: Standing }) {
  const name = String(value('name'));
  const level = String(value('level'));
  const changes = `SELECT * FROM _alerts WHERE _alert = ${quoteText(name)} AND time > now() - 1d`;
  return (
    <tr data-alert={name}>
      <td class="live-text">
        <a href={hrefOf('query', { db: database, q: changes })} title="What happened within a day">
          <strong>{name}</strong>
        </a>
        <code>{String(value('query'))}</code>
        <Failure value={value} />
      </td>
      <td data-label="Database">{database}</td>
      <td data-label="Level">
        <span class={`badge ${level === 'ok' ? 'badge-live' : level === 'stopped' ? 'badge-warn' : 'badge-bad'}`}>
          {level}
        </span>
      </td>
      <Count label="Series" of={value('series')} />
      <Count label="Pending" of={value('pending')} />
      <Count label="Firing" of={value('firing')} />
      <Count label="To be told" of={value('waiting')} />
      <Count label="Failures" of={value('failures')} />
    </tr>
  );
}

function Count({ label, of }: { label: string; of: ReturnType<Named> }) {
  return (
    <td class="right num" data-label={label}>
      {Number(of).toLocaleString()}
    </td>
  );
}

function Failure({ value }: { value: Named }) {
  const text = String(value('last_failure') ?? '');
  return text === '' ? null : <small class="live-late">{text}</small>;
}

/** All of a kind, whichever the database. */
async function asked(statement: 'SHOW CONTINUOUS QUERIES' | 'SHOW ALERTS'): Promise<Standing[]> {
  const series = await answerOf('', statement);
  return series.flatMap((table) => rowsOf(table).map((value) => ({ database: table.name ?? '', value })));
}

function keyOf({ database, value }: Standing): string {
  return `${database}\n${value('name')}`;
}

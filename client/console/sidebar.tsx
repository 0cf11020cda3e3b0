/** Beside the query box: which database, what is in it, and what was asked before. A click on a measurement asks for its newest rows. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { quoteName } from '../sdk/index.ts';
import { millrace } from './client.ts';
import { type Asked, asked, forgetAsked } from './history.ts';

/** A list that long is searched by a query, not read. */
const MEASUREMENTS_MAX = 200;

export function Sidebar({ db, onPick }: { db: Signal<string>; onPick: (picked: Asked) => void }) {
  const databases = useSignal<readonly string[]>([db.value]);
  const measurements = useSignal<readonly string[] | null>(null);

  async function loadDatabases(): Promise<void> {
    const names = await firstColumn('', 'SHOW DATABASES');
    if (names !== null) databases.value = names.includes(db.value) ? names : [...names, db.value];
  }

  useEffect(() => {
    void loadDatabases();
  }, []);
  useEffect(() => {
    let over = false;
    measurements.value = null;
    firstColumn(db.value, 'SHOW MEASUREMENTS').then((names) => {
      if (!over) measurements.value = names ?? [];
    });
    return () => {
      over = true;
    };
  }, [db.value]);

  return (
    <aside class="sidebar">
      <label class="field">
        Database
        <select
          value={db.value}
          onFocus={() => void loadDatabases()}
          onChange={(event) => {
            db.value = event.currentTarget.value;
          }}
        >
          {databases.value.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <section>
        <h2>Measurements</h2>
        {measurements.value === null && <p class="muted">loading</p>}
        {measurements.value?.length === 0 && <p class="muted">none in “{db.value}” yet</p>}
        <ul>
          {measurements.value?.slice(0, MEASUREMENTS_MAX).map((name) => (
            <li key={name}>
              <button type="button" class="pick" onClick={() => onPick({ db: db.value, q: newestRows(name) })}>
                {name}
              </button>
            </li>
          ))}
        </ul>
      </section>
      {asked.value.length > 0 && (
        <section class="history">
          <h2>
            History
            <button type="button" class="link" onClick={forgetAsked}>
              clear
            </button>
          </h2>
          <ul>
            {asked.value.map((entry) => (
              <li key={`${entry.db}\n${entry.q}`}>
                <button type="button" class="pick pick-query" title={entry.q} onClick={() => onPick(entry)}>
                  <span>{entry.q}</span>
                  <small>{entry.db}</small>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </aside>
  );
}

// private functions

/** First column of an answer; null where the server did not answer. */
async function firstColumn(db: string, q: string): Promise<string[] | null> {
  try {
    const [result] = await millrace.query(db, q);
    return (result?.series?.[0]?.values ?? []).map((row) => String(row[0]));
  } catch {
    return null;
  }
}

function newestRows(measurement: string): string {
  return `SELECT * FROM ${quoteName(measurement)}\nWHERE time > now() - 5m\nORDER BY time DESC LIMIT 100`;
}

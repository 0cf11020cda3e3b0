/**
 * The rows of an answer as one table: series of the same shape are put together, with their tags as columns before the values.
 * Shows the first (or newest) rows only and says so: a page with a million cells helps nobody.
 */
import { type FrameValue, type Series, timeMs } from '../sdk/index.ts';
import { formatClock } from './format.ts';

const ROWS_MAX = 500;
/** Live, a table is drawn anew many times a second. */
const LIVE_ROWS_MAX = 100;

export interface ResultTableProps {
  readonly series: readonly Series[];
  readonly newestFirst: boolean;
}

interface Sheet {
  readonly name: string;
  readonly tagKeys: readonly string[];
  readonly columns: readonly string[];
  readonly rows: { readonly tags: readonly string[]; readonly values: readonly FrameValue[] }[];
}

export function ResultTable({ series, newestFirst }: ResultTableProps) {
  return (
    <>
      {sheetsOf(series).map((sheet) => (
        <SheetTable key={`${sheet.name}\n${sheet.tagKeys}\n${sheet.columns}`} sheet={sheet} newestFirst={newestFirst} />
      ))}
    </>
  );
}

// private functions

function SheetTable({ sheet, newestFirst }: { sheet: Sheet; newestFirst: boolean }) {
  const timeAt = sheet.columns.indexOf('time');
  const rowsMax = newestFirst ? LIVE_ROWS_MAX : ROWS_MAX;
  const rows = [...sheet.rows];
  if (newestFirst && timeAt >= 0) rows.sort((a, b) => timeMs(b.values[timeAt]) - timeMs(a.values[timeAt]));
  const shown = rows.slice(0, rowsMax);
  const numeric = sheet.columns.map(
    (_, c) => c !== timeAt && shown.some(({ values }) => typeof values[c] === 'number'),
  );
  const now = Date.now();
  return (
    <div class="sheet">
      <div class="sheet-head">
        <h3>{sheet.name}</h3>
        {rows.length > shown.length && (
          <span class="muted">
            the {newestFirst ? 'newest' : 'first'} {rowsMax} of {rows.length.toLocaleString()} rows
          </span>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div class="sheet-scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {timeAt >= 0 && <th scope="col">time</th>}
              {sheet.tagKeys.map((key) => (
                <th scope="col" key={key} class="tag">
                  {key}
                </th>
              ))}
              {sheet.columns.map(
                (column, c) =>
                  c !== timeAt && (
                    <th scope="col" key={column} class={numeric[c] ? 'num right' : undefined}>
                      {column}
                    </th>
                  ),
              )}
            </tr>
          </thead>
          <tbody>
            {/* biome-ignore-start lint/suspicious/noArrayIndexKey: rows have no name of their own */}
            {shown.map(({ tags, values }, r) => (
              <tr key={r}>
                {timeAt >= 0 && <td class="num time">{timeText(values[timeAt], now)}</td>}
                {tags.map((value, t) => (
                  <td key={sheet.tagKeys[t]} class="tag">
                    {value}
                  </td>
                ))}
                {values.map(
                  (value, c) =>
                    c !== timeAt && (
                      <td key={sheet.columns[c]} class={numeric[c] ? 'num right' : undefined}>
                        {value === null || value === undefined ? <span class="muted">–</span> : String(value)}
                      </td>
                    ),
                )}
              </tr>
            ))}
            {/* biome-ignore-end lint/suspicious/noArrayIndexKey: rows have no name of their own */}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function sheetsOf(series: readonly Series[]): Sheet[] {
  const sheets = new Map<string, Sheet>();
  for (const { name, tags = {}, columns, values } of series) {
    const tagKeys = Object.keys(tags);
    const key = JSON.stringify([name, tagKeys, columns]);
    let sheet = sheets.get(key);
    if (sheet === undefined) sheets.set(key, (sheet = { name, tagKeys, columns, rows: [] }));
    const tagValues = Object.values(tags);
    for (const row of values) sheet.rows.push({ tags: tagValues, values: row });
  }
  return [...sheets.values()];
}

function timeText(value: FrameValue, now: number): string {
  const ms = timeMs(value);
  return Number.isNaN(ms) ? String(value) : formatClock(ms, now);
}

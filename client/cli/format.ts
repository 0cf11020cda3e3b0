/** Rows as text: a table for people, CSV for programs, one line per row for logs and pipes. Pure. */
import type { FrameValue, Series } from '../sdk/index.ts';

/** A wider cell is cut: a table that wraps cannot be read. */
const CELL_WIDTH_MAX = 60;

/** One table per series, under its name and tags. */
export function tableOf(series: readonly Series[]): string {
  return series.map((one) => `${seriesName(one)}\n${grid(one.columns, one.values)}`).join('\n');
}

/** InfluxDB's columns: name, tags, then the series' own. A header wherever the columns change. */
export function csvOf(series: readonly Series[]): string {
  let text = '';
  let header = '';
  for (const { name, tags = {}, columns, values } of series) {
    const line = csvLine(['name', 'tags', ...columns]);
    if (line !== header) text += (text === '' ? '' : '\n') + line;
    header = line;
    for (const row of values) text += csvLine([name, tagText(tags), ...row]);
  }
  return text;
}

/** `2026-01-02T03:04:05Z cpu{host=a} busy=0.5 user=0.2` */
export function rowLine(
  name: string,
  tags: Readonly<Record<string, string>>,
  columns: readonly string[],
  row: readonly FrameValue[],
): string {
  const timeAt = columns.indexOf('time');
  const fields = columns.flatMap((column, i) =>
    i === timeAt || row[i] === null ? [] : [`${column}=${valueText(row[i])}`],
  );
  const time = timeAt < 0 ? '' : `${row[timeAt]} `;
  return `${time}${seriesName({ name, tags })} ${fields.join(' ') || '-'}`;
}

export function seriesName({ name, tags = {} }: { name: string; tags?: Readonly<Record<string, string>> }): string {
  const text = tagText(tags);
  return text === '' ? name : `${name}{${text}}`;
}

/** A header, a rule and aligned rows; numbers to the right. */
export function grid(columns: readonly string[], rows: readonly (readonly FrameValue[])[]): string {
  const cells = rows.map((row) => columns.map((_, c) => cut(cellText(row[c]))));
  const widths = columns.map((column, c) => Math.max(column.length, ...cells.map((row) => row[c].length)));
  const right = columns.map((_, c) => rows.some((row) => typeof row[c] === 'number') && columns[c] !== 'time');
  const lines = [columns, widths.map((width) => '─'.repeat(width)), ...cells].map((row) =>
    row
      .map((cell, c) => (right[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

// private functions

function tagText(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function csvLine(cells: readonly FrameValue[]): string {
  return `${cells.map((cell) => csvCell(cell === null || cell === undefined ? '' : String(cell))).join(',')}\n`;
}

function csvCell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function valueText(value: FrameValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function cellText(value: FrameValue | undefined): string {
  return value === null || value === undefined ? '' : String(value).replace(/[\n\r\t]/g, ' ');
}

function cut(text: string): string {
  return text.length > CELL_WIDTH_MAX ? `${text.slice(0, CELL_WIDTH_MAX - 1)}…` : text;
}

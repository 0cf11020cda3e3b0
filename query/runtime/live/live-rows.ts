/**
 * Rows of result tables as the live merge compares and regroups them. A *cell* is what has one identity for a client: all rows of
 * one series (measurement and tags) in one window, usually one row. Pure functions over columns; no windows, no rules of time.
 */
import { type Column, TextDictionary } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import { tagsOf } from '../cells/table-writer.ts';
import type { WindowTimes } from '../cells/window-times.ts';
import { ColumnBuilder } from '../source/columns.ts';
import type { Group } from '../source/partial.ts';
import type { ResultColumn, ResultTable, TimeColumn } from '../source/result.ts';

/** The rows of one cell, in a table that may hold other cells' rows too. */
export interface Rendered {
  readonly table: ResultTable;
  readonly rows: readonly number[];
  readonly text: string;
}

export function timeColumn(table: ResultTable): TimeColumn {
  const column = table.data[0];
  if (column.type !== 'time') throw new Error('live rows: the first column of a table must be the time');
  return column;
}

/**
 * The values of a row as text: equal texts mean equal rows, in type and value. The time is part of it. Texts are kept as long as their
 * cells; `join` makes one string of it, where `+` would keep a tree of its parts, which V8 goes through whenever it marks its heap.
 */
export function rowText({ data }: ResultTable, row: number): string {
  // one more, empty: each ends with a NUL, so that several rows stay apart
  const texts = new Array<string>(data.length + 1).fill('');
  for (let i = 0; i < data.length; i++) texts[i] = valueText(data[i], row);
  return texts.join('\0');
}

/** A table with the given rows of another, in the given order. Dictionaries are shared, values copied. */
export function pickRows(table: ResultTable, rows: readonly number[] | Uint32Array): ResultTable {
  return {
    name: table.name,
    tags: table.tags,
    columns: table.columns,
    rows: rows.length,
    data: table.data.map((column) => pickColumn(column, rows)),
  };
}

/** A table with the row of a window that nothing is in: counts are 0, everything else that depends on points is null. */
export function emptyRow(plan: Plan, group: Group, windows: WindowTimes, window: number): ResultTable {
  const time = windows.time(window);
  const { name } = group;
  const tags = tagsOf(plan, group);
  return {
    name,
    tags,
    columns: [plan.timeName, ...plan.outputs.map((output) => output.name)],
    rows: 1,
    data: [
      { type: 'time', base: time, offsets: new Float64Array(1), ...(plan.zone && { zone: plan.zone }) },
      ...plan.outputs.map(({ type, expression }) => {
        if (expression.kind === 'edge' && expression.of !== 'number') return edgeColumn(windows[expression.of](window));
        const aggregate = expression.kind === 'column' && !plan.pair ? plan.aggregates[expression.index] : undefined;
        const counts = /^count|^rows$/.test(aggregate?.name ?? '');
        return emptyColumn(type, counts ? new Uint8Array([1]) : new Uint8Array(1));
      }),
    ],
  };
}

/** Time of the first row of tables that are in order of time each; null = there is none. */
export function earliestTime(tables: readonly ResultTable[]): bigint | null {
  let least: bigint | null = null;
  for (const table of tables) {
    const { base, offsets } = timeColumn(table);
    if (table.rows > 0 && (least === null || base + BigInt(offsets[0]) < least)) least = base + BigInt(offsets[0]);
  }
  return least;
}

// private functions

function valueText(column: ResultColumn, row: number): string {
  if (column.type === 'time') return String(column.base + BigInt(column.offsets[row]));
  if (column.present !== null && column.present[row] === 0) return '';
  if (column.type === 'string') return `"${column.dictionary.get(column.values[row])}`;
  return `${column.type[0]}${String(column.values[row])}`;
}

function pickColumn(column: ResultColumn, rows: ArrayLike<number>): ResultColumn {
  if (column.type === 'time') return { ...column, offsets: pick(column.offsets, rows) };
  const present = column.present === null ? null : pick(column.present, rows);
  return { ...column, values: pick(column.values as Float64Array, rows), present } as Column;
}

function pick<T extends { [i: number]: number; readonly constructor: unknown }>(values: T, rows: ArrayLike<number>): T {
  const picked = new (values.constructor as new (length: number) => T)(rows.length);
  for (let i = 0; i < rows.length; i++) (picked as { [i: number]: number })[i] = values[rows[i]];
  return picked;
}

function edgeColumn(time: bigint): Column {
  const column = new ColumnBuilder('integer', 1);
  column.push(time);
  return column.finish();
}

function emptyColumn(type: Column['type'], present: Uint8Array): Column {
  if (type === 'string') return { type, values: new Uint32Array(1), dictionary: TextDictionary.of(['']), present };
  if (type === 'boolean') return { type, values: new Uint8Array(1), present };
  return { type, values: new Float64Array(1), present };
}

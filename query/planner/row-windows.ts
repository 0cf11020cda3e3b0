/**
 * RowWindow: windows that begin and end with rows, group by group in the order of time. Such a SELECT is planned as one over a
 * subquery that gives the rows in question in that order; `overRows` writes it. Rows of one time are in the order of their series.
 */
import type { Dimension, Expression, SelectField, SelectStatement, Window } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { walk } from '../language/walk.ts';
import { bindCondition } from './bind.ts';
import { PLAIN_SELECT } from './plain-select.ts';
import type { Bound, Plan, RowWindow } from './plan.ts';

export type StatedRowWindow = Window & { of: RowWindow['of'] };

/** As many rows as a window may count. */
const ROWS_MAX = 1_000_000_000n;

export function isOfRows(window: Window): window is StatedRowWindow {
  return window.of !== 'hop' && window.of !== 'cumulate' && window.of !== 'windows';
}

/** The statement over a subquery that gives the rows of its windows; what is asked of them stays outside. */
export function overRows(statement: SelectStatement, window: StatedRowWindow): SelectStatement {
  const read = new Map<string, SelectField>();
  const add = (expression: Expression): void =>
    walk(expression, (e) => {
      const isField =
        e.kind === 'reference' && e.name !== 'time' && !/^_(start|end|count|rev|final|late)$/.test(e.name);
      if (isField || e.kind === 'wildcard' || e.kind === 'regex') read.set(keyOf(e), { expression: e, alias: null });
      return undefined;
    });
  for (const { expression } of statement.fields) add(expression);
  if (window.of === 'state') add({ kind: 'reference', name: window.field, cast: null });
  const hasEdges = window.of === 'event' || window.of === 'session';
  for (const condition of hasEdges ? [window.start, window.end] : []) if (condition !== null) add(condition);
  const fields = [...read.values()];
  const inner: SelectStatement = {
    ...PLAIN_SELECT,
    fields,
    sources: statement.sources,
    condition: statement.condition,
    dimensions: statement.dimensions.filter((dimension: Dimension) => dimension.kind !== 'window'),
    ...(statement.timeZone !== undefined && { timeZone: statement.timeZone }),
  };
  return { ...statement, sources: [{ subquery: inner }], condition: null };
}

/** `rows`: the plan of the subquery. */
export function bindRowWindow(window: StatedRowWindow, rows: Plan): RowWindow {
  switch (window.of) {
    case 'session':
      if (window.gap <= 0n || (window.longest !== null && window.longest <= 0n)) {
        refuse('session() takes durations of at least 1ns');
      }
      return { of: 'session', gap: window.gap, longest: window.longest, edges: edgesOf(window, rows) };
    case 'sliding':
      if (window.size <= 0n) refuse('sliding() takes a duration of at least 1ns');
      return window;
    case 'rows': {
      const { size, every } = { size: window.size, every: window.every ?? window.size };
      if (size < 1n || every < 1n || size > ROWS_MAX || every > ROWS_MAX) {
        refuse(`rows() counts from 1 to ${ROWS_MAX} rows`);
      }
      return { of: 'rows', size: Number(size), every: Number(every) };
    }
    case 'state':
      return window;
    case 'event':
      return { of: 'event', ...edgesOf(window, rows)! };
  }
}

// private functions

function edgesOf(
  { start, end }: { readonly start: Expression | null; readonly end: Expression | null },
  rows: Plan,
): { readonly start: Bound; readonly end: Bound } | null {
  if (start === null || end === null) return null;
  const fields = new Map(rows.outputs.map(({ name, type }) => [name, type]));
  const names = { fields, tagKeys: [] };
  return { start: bindCondition(start, names), end: bindCondition(end, names) };
}

function keyOf(e: Expression): string {
  if (e.kind === 'reference') return `name ${e.cast} ${e.name}`;
  if (e.kind === 'wildcard') return `wildcard ${e.of}`;
  return e.kind === 'regex' ? `regex ${e.pattern}` : '';
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}

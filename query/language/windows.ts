/**
 * The meaning of what goes beyond InfluxQL in a SELECT: windows, joins, and the clauses of live queries. One action per rule of
 * grammar.ts; statements.ts takes them into its dictionary.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the semantic actions of Ohm carry no types
import type { ActionDict } from 'ohm-js';
import { ast, optional } from './actions.ts';
import type { EmitClause, Join, JoinSide, LatenessClause, Subquery, WatermarkClause } from './ast.ts';
import { toCalendar, toDimension } from './group-by.ts';

export const WINDOW_ACTIONS: ActionDict<any> = {
  Dimension_calendar(head, calendar, shift, _close) {
    return toCalendar(calendar.sourceString, optional(shift, this), head.source.startIdx);
  },
  Dimension_other(expression) {
    return toDimension(ast(expression, this));
  },
  Shift(_comma, expression) {
    return ast(expression, this);
  },

  Sources_joined(first, joined): Join[] {
    let left: JoinSide = ast(first, this);
    for (const part of joined.children) {
      left = { source: { ...ast(part, this), left }, alias: null };
    }
    return [left.source as Join];
  },
  Subquery(_open, select, _close): Subquery {
    return { subquery: ast(select, this) };
  },
  Side(source, name): JoinSide {
    return { source: ast(source, this), alias: optional(name, this) };
  },
  SideName(_as, name) {
    return ast(name, this);
  },
  Joined_interval(_join, right, _within, duration, keys): Omit<Join, 'left'> {
    const within = ast(duration, this).ns;
    return { join: 'interval', right: ast(right, this), within, keys: optional(keys, this) ?? [], fill: null };
  },
  Joined_asof(_asof, _join, right, tolerance, keys): Omit<Join, 'left'> {
    const within = optional(tolerance, this);
    return { join: 'asof', right: ast(right, this), within, keys: optional(keys, this) ?? [], fill: null };
  },
  Joined_window(_join, right, _on, _window, keys, fill): Omit<Join, 'left'> {
    const found = { keys: optional(keys, this) ?? [], fill: optional(fill, this) };
    return { join: 'window', right: ast(right, this), within: null, ...found };
  },
  Tolerance(_tolerance, duration): bigint {
    return ast(duration, this).ns;
  },
  Keys(_on, list) {
    return ast(list, this);
  },
  OtherKeys(_comma, list) {
    return ast(list, this);
  },

  Watermark(_watermark, delay, idle, ahead, perSeries): WatermarkClause {
    return {
      delay: optional(delay, this),
      idle: optional(idle, this),
      ahead: optional(ahead, this),
      perSeries: perSeries.numChildren > 0,
    };
  },
  Delay(_delay, duration): bigint {
    return ast(duration, this).ns;
  },
  Idle(_idle, duration): bigint {
    return ast(duration, this).ns;
  },
  Ahead(_ahead, duration): bigint {
    return ast(duration, this).ns;
  },
  Lateness(_lateness, duration, _update, after): LatenessClause {
    return { within: ast(duration, this).ns, after: optional(after, this) ?? 'drop' };
  },
  AfterLateness_word(word) {
    return word.sourceString.toLowerCase();
  },
  AfterLateness_into(_into, target) {
    return ast(target, this);
  },
  Emit(_emit, list) {
    return ast(list, this);
  },
  Emission_close(_on, _close): EmitClause {
    return { on: 'close' };
  },
  Emission_late(_on, _late): EmitClause {
    return { on: 'late' };
  },
  Emission_update(_on, _update, batch): EmitClause {
    return { on: 'update', batch: optional(batch, this) };
  },
  Emission_every(_every, interval, onChange): EmitClause {
    return { on: 'every', interval: ast(interval, this).ns, ifChanged: onChange.numChildren > 0 };
  },
  Emission_rows(_every, count, _rows): EmitClause {
    return { on: 'rows', count: ast(count, this).value };
  },
  Emission_final(_final): EmitClause {
    return { on: 'final' };
  },
  Batch(_batch, duration): bigint {
    return ast(duration, this).ns;
  },
};

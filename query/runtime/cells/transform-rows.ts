/**
 * TransformWriter: rows of one series through the plan's transforms into a TableWriter. Each transform, and each aggregate that an
 * output reads directly, gives results at times of its own; the results of one time are one row, several of one time pair up in their
 * order. What has none at that time is null, or the number of fill(number), or with fill(previous) what the row before has. Holds the results of one time, with integral those of one
 * series.
 */

import type { Value } from '../../../model/index.ts';
import { createTransform } from '../../functions/transform.ts';
import type { TransformState } from '../../functions/transform-state.ts';
import { QueryError } from '../../language/errors.ts';
import type { Bound, Plan } from '../../planner/plan.ts';
import { windowsBefore } from '../../planner/transforms.ts';
import { windowsLater } from '../../planner/window-grid.ts';
import { isNumeric } from '../source/columns.ts';
import type { Group } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import { PairWriter } from './pair-writer.ts';
import { type RowWriter, TableWriter } from './table-writer.ts';
import type { WindowTimes } from './window-times.ts';

/** Results of one series that may wait: windows of an integral. */
const WAITING_MAX = 10_000_000;

/** The writer that a plan needs. */
export function rowWriter(plan: Plan, times?: WindowTimes): RowWriter {
  if (plan.pair !== undefined) return new PairWriter(plan, plan.pair, times);
  return plan.transforms.length === 0 ? new TableWriter(plan, times) : new TransformWriter(plan);
}

// private functions

interface Waiting {
  readonly times: bigint[];
  readonly values: Value[];
}

class TransformWriter implements RowWriter {
  readonly #plan: Plan;
  readonly #writer: TableWriter;
  readonly #holds: boolean;
  /** What an output reads, by index in the stage-2 row. */
  readonly #read: readonly number[];
  /** By #read. */
  readonly #waiting: readonly Waiting[];
  readonly #inputs: number;
  /** By index in the stage-2 row: what stands for a value that is not there. */
  readonly #nothing: readonly Value[];
  #states: TransformState[] = [];
  #time: bigint | null = null;
  #held = 0;
  /** By aggregate: whether it has a value in the series. One that has none gives no rows. */
  #has: readonly boolean[] = [];
  /** By #read: results of the series so far; LIMIT and OFFSET count those of each on its own, as in InfluxDB. */
  #seen: number[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#writer = new TableWriter({ ...plan, limit: 0, offset: 0 });
    this.#holds = plan.transforms.some(({ name }) => name === 'integral' || name.startsWith('holt_winters'));
    this.#inputs = plan.aggregates.length + plan.columns.length;
    this.#read = [...new Set(plan.outputs.flatMap(({ expression }) => columnsOf(expression)))];
    this.#waiting = this.#read.map(() => ({ times: [], values: [] }));
    const { fill, aggregates, columns, transforms } = plan;
    const number = fill.kind === 'value' ? Number(fill.value) : null;
    const types = [...aggregates.map(({ result }) => result), ...columns.map(({ type }) => type)];
    this.#nothing = [...types.map((type) => (isNumeric(type) ? number : null)), ...transforms.map(() => number)];
  }

  get full(): boolean {
    const { limit, offset } = this.#plan;
    return limit > 0 && this.#seen.every((seen) => seen >= limit + offset);
  }

  start(group: Group, has: readonly boolean[] = []): void {
    const { transforms } = this.#plan;
    this.#has = has;
    this.#writer.start(group);
    this.#states = transforms.map((transform) => createTransform(transform, this.#plan));
    this.#time = null;
    this.#seen = this.#read.map(() => 0);
  }

  add(time: bigint, values: readonly Value[]): readonly ResultTable[] {
    const closed = !this.#holds && this.#time !== null && time !== this.#time ? this.#flush() : [];
    this.#time = time;
    const { transforms, fill } = this.#plan;
    for (const index of this.#read) {
      if (index >= this.#inputs) continue;
      if (values[index] !== null || (fill.kind !== 'none' && this.#has[index] !== false))
        this.#give(index, time, values[index]);
    }
    for (const [t, { input }] of transforms.entries()) {
      const value = this.#has[input] === false ? null : values[input];
      if (input < this.#inputs && value !== null && this.#sees(t, time)) this.#run(t, time, value);
    }
    return closed;
  }

  *end(): Generator<void> {
    for (const [t, state] of this.#states.entries()) {
      if (state.end !== undefined) yield* state.end((time, value) => this.#give(this.#inputs + t, time, value));
    }
  }

  finish(): readonly ResultTable[] {
    return [...this.#flush(), ...this.#writer.finish()];
  }

  // private functions

  /** Whether a transform is given the rows of this time. */
  #sees(t: number, time: bigint): boolean {
    const { shown, window, transforms } = this.#plan;
    if (shown === null || window === null) return true;
    const beside = windowsBefore(transforms, this.#inputs, t);
    return time >= windowsLater(window, shown.min, -beside) && time <= windowsLater(window, shown.max, beside);
  }

  #run(t: number, time: bigint, value: NonNullable<Value>): void {
    this.#states[t].next(time, value, (at, result) => {
      const index = this.#inputs + t;
      this.#give(index, at, result);
      if (result === null) return;
      for (const [next, { input }] of this.#plan.transforms.entries()) if (input === index) this.#run(next, at, result);
    });
  }

  #give(index: number, time: bigint, value: Value): void {
    const { shown } = this.#plan;
    const at = this.#read.indexOf(index);
    if (at < 0) return;
    const forecast = this.#plan.transforms[index - this.#inputs]?.name.startsWith('holt_winters') ?? false;
    if (shown !== null && !forecast && (time < shown.min || time > shown.max)) return;
    const { limit, offset } = this.#plan;
    const place = this.#seen[at]++;
    if (place < offset || (limit > 0 && place >= limit + offset)) return;
    this.#waiting[at].times.push(time);
    this.#waiting[at].values.push(value);
    if (++this.#held > WAITING_MAX) throw new QueryError('invalid', `integral() over more than ${WAITING_MAX} windows`);
  }

  /** Writes all that waits. */
  #flush(): readonly ResultTable[] {
    if (this.#held === 0) return [];
    const { descending } = this.#plan;
    const tables: ResultTable[] = [];
    const next = this.#waiting.map(() => 0);
    const row = new Array<Value>(this.#inputs + this.#plan.transforms.length);
    for (;;) {
      let time: bigint | null = null;
      for (const [i, { times }] of this.#waiting.entries()) {
        const head = times[next[i]];
        if (head !== undefined && (time === null || (descending ? head > time : head < time))) time = head;
      }
      if (time === null) break;
      for (let i = 0; i < row.length; i++) row[i] = this.#nothing[i];
      for (const [i, { times, values }] of this.#waiting.entries()) {
        if (times[next[i]] === time) row[this.#read[i]] = values[next[i]++];
      }
      tables.push(...this.#writer.add(time, row));
    }
    for (const { times, values } of this.#waiting) {
      times.length = 0;
      values.length = 0;
    }
    this.#held = 0;
    return tables;
  }
}

function columnsOf(bound: Bound): number[] {
  if (bound.kind === 'column') return [bound.index];
  if (bound.kind === 'binary') return [...columnsOf(bound.left), ...columnsOf(bound.right)];
  return bound.kind === 'call' ? bound.args.flatMap(columnsOf) : [];
}

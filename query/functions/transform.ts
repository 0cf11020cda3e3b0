/**
 * The functions that look from row to row: derivative, difference, elapsed, moving_average, cumulative_sum and integral here, and
 * holt_winters and those of technical analysis in files of their own. One state
 * runs over the rows of one series in the order of the answer, each with its time; it gives its results through `emit`, at the time
 * of the row that it was just given (integral: at the start of each window, once that is over). Rows without a value are not
 * there for it. Of rows at one time only the first counts, but for cumulative_sum and elapsed, and integral, where the last does.
 */
import type { FieldType, Value } from '../../model/index.ts';
import type { Plan, Transform, TransformName } from '../planner/plan.ts';
import { type PlanWindow, startOf, windowAt } from '../planner/window-grid.ts';
import { createHoltWinters } from './holt-winters.ts';
import { createTechnical, TECHNICAL, type TechnicalName, type Warmup } from './technical.ts';
import type { Emit, TransformState } from './transform-state.ts';

export interface TransformShape {
  /** Name in the message for a type it does not take. */
  readonly title: string;
  /** Takes fields of any type. */
  readonly anyType: boolean;
  readonly result: FieldType | 'same';
  /** Windows before the time range that it looks at. */
  readonly before: 0 | 1;
}

type Numeric = number | bigint;

export const TRANSFORMS: ReadonlyMap<string, TransformShape> = new Map<TransformName, TransformShape>([
  ['derivative', { title: 'derivative', anyType: false, result: 'float', before: 1 }],
  ['non_negative_derivative', { title: 'derivative', anyType: false, result: 'float', before: 1 }],
  ['difference', { title: 'difference', anyType: false, result: 'same', before: 1 }],
  ['non_negative_difference', { title: 'difference', anyType: false, result: 'same', before: 1 }],
  ['elapsed', { title: 'elapsed', anyType: true, result: 'integer', before: 1 }],
  ['moving_average', { title: 'moving average', anyType: false, result: 'float', before: 1 }],
  ['cumulative_sum', { title: 'cumulative sum', anyType: false, result: 'same', before: 0 }],
  ['integral', { title: 'integral', anyType: false, result: 'float', before: 0 }],
  ['holt_winters', { title: 'elapsed', anyType: false, result: 'float', before: 0 }],
  ['holt_winters_with_fit', { title: 'elapsed', anyType: false, result: 'float', before: 0 }],
  ...[...TECHNICAL].map((name): [TransformName, TransformShape] => {
    const title = name.replaceAll('_', ' ');
    return [name as TechnicalName, { title, anyType: false, result: 'float', before: 1 }];
  }),
]);

export function createTransform(
  transform: Transform,
  { descending, window, bounds }: Pick<Plan, 'descending' | 'window' | 'bounds'>,
): TransformState {
  const origin = bounds.minStated && !descending && transform.type !== 'float' ? bounds.min : 0n;
  const { name, type, parameter, rest = [] } = transform;
  switch (name) {
    case 'derivative':
    case 'non_negative_derivative':
      return derivative(type, Number(parameter), descending, name === 'non_negative_derivative');
    case 'difference':
    case 'non_negative_difference':
      return difference(type, name === 'non_negative_difference');
    case 'elapsed':
      return elapsed(parameter);
    case 'moving_average':
      return movingAverage(type, Number(parameter));
    case 'cumulative_sum':
      return cumulativeSum(type);
    case 'integral':
      return new Integral({ unit: Number(parameter), window, origin, type, descending });
    case 'holt_winters':
    case 'holt_winters_with_fit': {
      const season = Number(rest[0]);
      return createHoltWinters(Number(parameter), season, name === 'holt_winters_with_fit', window!.interval);
    }
    default: {
      const [hold = -1n, warmup] = rest;
      const unsaid = name === 'chande_momentum_oscillator' ? 'none' : 'exponential';
      return createTechnical(name, Number(parameter), Number(hold), (warmup ?? unsaid) as Warmup);
    }
  }
}

/** a + b or a − b as InfluxDB's integers: exact, wrapping at 64 bits. */
export function wrapped(type: FieldType, a: Numeric, b: Numeric, sign: 1 | -1): Numeric {
  if (typeof a === 'number' && typeof b === 'number') {
    const near = a + sign * b;
    if (type === 'float' || (Number.isSafeInteger(near) && !(type === 'unsigned' && near < 0))) return near;
  }
  const exact = BigInt(a) + BigInt(sign) * BigInt(b);
  const value = type === 'unsigned' ? BigInt.asUintN(64, exact) : BigInt.asIntN(64, exact);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

// private functions

function derivative(type: FieldType, unit: number, descending: boolean, nonNegative: boolean): TransformState {
  let before: { time: bigint; value: Numeric } | null = null;
  return {
    next(time, value, emit) {
      const from = before;
      if (from?.time === time) return;
      before = { time, value: value as Numeric };
      if (from === null) return;
      const rise = Number(wrapped(type, value as Numeric, from.value, -1));
      if (nonNegative && rise < 0) return;
      const ns = Number(descending ? from.time - time : time - from.time);
      const slope = ns > 0 ? rise / (ns / unit) : 0;
      emit(time, Number.isNaN(slope) ? null : slope);
    },
  };
}

function difference(type: FieldType, nonNegative: boolean): TransformState {
  let before: { time: bigint; value: Numeric } | null = null;
  return {
    next(time, value, emit) {
      const from = before;
      if (from?.time === time) return;
      before = { time, value: value as Numeric };
      if (from === null) return;
      const rise = wrapped(type, value as Numeric, from.value, -1);
      if (!nonNegative || rise >= 0) emit(time, Number.isNaN(rise) ? null : rise);
    },
  };
}

function elapsed(unit: bigint): TransformState {
  let before: bigint | null = null;
  return {
    next(time, _value, emit) {
      if (before !== null) emit(time, Number((time - before) / unit));
      before = time;
    },
  };
}

function movingAverage(type: FieldType, rows: number): TransformState {
  const ring: Numeric[] = [];
  let at = 0;
  let sum: Numeric = 0;
  let before: bigint | null = null;
  return {
    next(time, value, emit) {
      if (time === before) return;
      before = time;
      const x = value as Numeric;
      if (ring.length < rows) ring.push(x);
      else {
        sum = wrapped(type, sum, ring[at], -1);
        ring[at] = x;
      }
      sum = wrapped(type, sum, x, 1);
      at = (at + 1) % rows;
      const mean = Number(sum) / rows;
      if (ring.length === rows) emit(time, Number.isNaN(mean) ? null : mean);
    },
  };
}

function cumulativeSum(type: FieldType): TransformState {
  let sum: Numeric = 0;
  return {
    next(time, value, emit) {
      sum = wrapped(type, sum, value as Numeric, 1);
      emit(time, Number.isNaN(sum) ? null : sum);
    },
  };
}

/** What an integral begins with. */
interface IntegralOptions {
  /** ns. */
  readonly unit: number;
  readonly window: PlanWindow | null;
  /** Time of a result without windows: of whole numbers that at which the time range begins, else 0. */
  readonly origin: bigint;
  readonly type: FieldType;
  readonly descending: boolean;
}

/**
 * By trapezes, in the order of the answer; what lies before the edge of a window is taken from the line between the points on both sides,
 * and what lies between there and the next point counts for that one's window. As in InfluxDB, descending times give areas below
 * zero, in windows named by their ends; and of whole numbers the first trapeze of a window ends as high as its edge, and begins as high
 * as the point before it.
 */
class Integral implements TransformState {
  readonly #options: IntegralOptions;
  /** Of the present window, in the order of the answer. */
  #start: bigint;
  #end = 0n;
  #before: { time: bigint; value: number } | null = null;
  #sum = 0;

  constructor(options: IntegralOptions) {
    this.#options = options;
    this.#start = options.origin;
  }

  next(time: bigint, value: NonNullable<Value>, emit: Emit): void {
    const x = Number(value);
    const before = this.#before;
    this.#before = { time, value: x };
    if (before === null) {
      this.#open(time);
      return;
    }
    if (before.time === time) return;
    const { window, descending, type } = this.#options;
    if (window === null || (descending ? time > this.#end : time < this.#end)) {
      this.#add(before, { time, value: x });
      return;
    }
    const edge = { time: this.#end, value: before.value };
    let height = x;
    if (before.time !== edge.time) {
      const slope = (x - before.value) / Number(time - before.time);
      const y = slope * Number(edge.time - before.time) + before.value;
      this.#add(before, { time: edge.time, value: y });
      if (type === 'float') edge.value = y;
      else height = y;
    }
    this.#emit(emit);
    this.#open(time);
    this.#add(edge, { time, value: height });
  }

  end(emit: Emit): Iterable<void> {
    if (this.#before !== null && this.#before.time !== this.#start) this.#emit(emit);
    return [];
  }

  // private functions

  #open(time: bigint): void {
    const { window, descending } = this.#options;
    if (window === null) return;
    const at = windowAt(window, time);
    const edges = [startOf(window, at), startOf(window, at + 1)];
    [this.#start, this.#end] = descending ? edges.reverse() : edges;
  }

  #add(from: { time: bigint; value: number }, to: { time: bigint; value: number }): void {
    this.#sum += 0.5 * (to.value + from.value) * (Number(to.time - from.time) / this.#options.unit);
  }

  #emit(emit: Emit): void {
    emit(this.#start, Number.isNaN(this.#sum) ? null : this.#sum);
    this.#sum = 0;
  }
}

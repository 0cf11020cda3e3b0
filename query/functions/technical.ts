/**
 * The functions of technical analysis: moving averages that forget exponentially and what is built of them, and those that compare a
 * move with its way. Each is a small algorithm, a number in and a number out; the first `hold` numbers are not shown. As in
 * InfluxDB, whose answers they give to the last bit: also where a rise counts from 0 for the first value (relative_strength_index,
 * and chande_momentum_oscillator with a warmup), and where the first values of kaufmans_… stand for nothing.
 */
import type { Emit, TransformState } from './transform-state.ts';

export type TechnicalName =
  | 'exponential_moving_average'
  | 'double_exponential_moving_average'
  | 'triple_exponential_moving_average'
  | 'triple_exponential_derivative'
  | 'relative_strength_index'
  | 'kaufmans_efficiency_ratio'
  | 'kaufmans_adaptive_moving_average'
  | 'chande_momentum_oscillator';

export type Warmup = 'exponential' | 'simple' | 'none';

export const TECHNICAL: ReadonlySet<string> = new Set<TechnicalName>([
  'exponential_moving_average',
  'double_exponential_moving_average',
  'triple_exponential_moving_average',
  'triple_exponential_derivative',
  'relative_strength_index',
  'kaufmans_efficiency_ratio',
  'kaufmans_adaptive_moving_average',
  'chande_momentum_oscillator',
]);

/** `hold` −1 = as long as the algorithm says nothing sensible. */
export function createTechnical(name: TechnicalName, period: number, hold: number, warmup: Warmup): TransformState {
  const algorithm = algorithmOf(name, period, warmup);
  const held = hold < 0 ? algorithm.warm : hold;
  let count = 0;
  return {
    next(time: bigint, value, emit: Emit) {
      const result = algorithm.add(Number(value));
      if (count++ < held) return;
      // as in InfluxDB, a change from 0 is no row
      if (name === 'triple_exponential_derivative' && Math.abs(result) === Number.POSITIVE_INFINITY) return;
      emit(time, Number.isNaN(result) ? null : result);
    },
  };
}

// private functions

interface Algorithm {
  /** How many values come before the first that it makes sense of. */
  readonly warm: number;
  add(value: number): number;
}

function algorithmOf(name: TechnicalName, period: number, warmup: Warmup): Algorithm {
  const simple = warmup === 'simple';
  switch (name) {
    case 'exponential_moving_average':
      return new Average(period, simple);
    case 'double_exponential_moving_average':
      return chained(period, simple, 2, ([a, b]) => 2 * a! - b!);
    case 'triple_exponential_moving_average':
      return chained(period, simple, 3, ([a, b, c]) => 3 * a! - 3 * b! + c!);
    case 'triple_exponential_derivative':
      return derivative(period, simple);
    case 'relative_strength_index':
      return strength(period, simple, (up, down) => 100 - 100 / (1 + up / down));
    case 'kaufmans_efficiency_ratio':
      return new Efficiency(period);
    case 'kaufmans_adaptive_moving_average':
      return adaptive(period);
    case 'chande_momentum_oscillator':
      return warmup === 'none'
        ? momentum(period)
        : strength(period, simple, (up, down) => ((up - down) / (up + down)) * 100);
  }
}

/** The exponential moving average. Until `period` values are in: their mean (simple), or one of as many values as there are. */
class Average implements Algorithm {
  readonly warm: number;
  readonly #alpha: number;
  readonly #simple: boolean;
  #last = 0;
  #count = 0;

  constructor(period: number, simple: boolean, alpha = 2 / (period + 1)) {
    this.warm = period - 1;
    this.#alpha = alpha;
    this.#simple = simple;
  }

  /** Whatever comes after it may be fed. */
  get ready(): boolean {
    return !this.#simple || this.#count > this.warm;
  }

  add(value: number): number {
    const last = this.#last;
    const count = this.#count;
    if (count === 0) this.#last = value;
    else if (count > this.warm) this.#last = (value - last) * this.#alpha + last;
    else if (this.#simple) this.#last = (last * count + value) / (count + 1);
    else this.#last = (value - last) * (2 / (count + 2)) + last;
    if (this.#count <= this.warm) this.#count++;
    return this.#last;
  }
}

/** Averages of averages, put together; one that nothing has come to yet is as the one before. */
function chained(period: number, simple: boolean, depth: number, join: (averages: number[]) => number): Algorithm {
  const averages = Array.from({ length: depth }, () => new Average(period, simple));
  return {
    warm: (period - 1) * (simple ? depth : 1),
    add(value) {
      const results: number[] = [];
      for (const average of averages) {
        value = average.add(value);
        results.push(value);
        if (!average.ready) break;
      }
      while (results.length < depth) results.push(value);
      return join(results);
    },
  };
}

/** The change, in percent, of an average of an average of an average. */
function derivative(period: number, simple: boolean): Algorithm {
  const averages = Array.from({ length: 3 }, () => new Average(period, simple));
  let last = 0;
  return {
    warm: (period - 1) * (simple ? 3 : 1) + 1,
    add(value) {
      for (const average of averages) {
        value = average.add(value);
        if (!average.ready) break;
      }
      const rate = (value / last - 1) * 100;
      last = value;
      return rate;
    },
  };
}

/** Of the averages of rises and falls. */
function strength(period: number, simple: boolean, join: (up: number, down: number) => number): Algorithm {
  const ups = new Average(period + 1, simple, 1 / period);
  const downs = new Average(period + 1, simple, 1 / period);
  let last = 0;
  return {
    warm: period,
    add(value) {
      const up = ups.add(value > last ? value - last : 0);
      const down = downs.add(value < last ? last - value : 0);
      last = value;
      return join(up, down);
    },
  };
}

/** How far the last `period` values went, as a share of the way they took. */
class Efficiency implements Algorithm {
  readonly warm: number;
  readonly #prices: Float64Array;
  readonly #steps: Float64Array;
  #noise = 0;
  #at = 0;

  constructor(period: number) {
    this.warm = period;
    this.#prices = new Float64Array(period);
    this.#steps = new Float64Array(period);
  }

  get last(): number {
    return this.#prices[this.#at]!;
  }

  add(value: number): number {
    const oldest = this.#at + 1 >= this.#prices.length ? 0 : this.#at + 1;
    const signal = Math.abs(value - this.#prices[oldest]!);
    const step = Math.abs(value - this.#prices[this.#at]!);
    this.#noise = this.#noise - this.#steps[oldest]! + step;
    this.#at = oldest;
    this.#prices[oldest] = value;
    this.#steps[oldest] = step;
    return signal === 0 || this.#noise === 0 ? 0 : signal / this.#noise;
  }
}

/** An average that follows fast where the way is straight, as one of 2 values, and slowly where it is not, as one of 30. */
function adaptive(period: number): Algorithm {
  const efficiency = new Efficiency(period);
  let last = 0;
  let count = 0;
  return {
    warm: period,
    add(value) {
      if (count++ <= period) last = efficiency.last;
      const pace = efficiency.add(value) * (56 / 93) + 2 / 31;
      last += pace * pace * (value - last);
      return last;
    },
  };
}

/** Rises less falls of the last `period` values, as a share of both. */
function momentum(period: number): Algorithm {
  const steps = new Float64Array(period);
  let last = 0;
  let count = 0;
  let at = 0;
  let up = 0;
  let down = 0;
  return {
    warm: period - 1,
    add(value) {
      at = at + 1 === period ? 0 : at + 1;
      const oldest = steps[at]!;
      if (oldest > 0) up -= oldest;
      else down += oldest;
      const step = count === 0 ? 0 : value - last;
      if (step > 0) up += step;
      else down -= step;
      steps[at] = step;
      last = value;
      count++;
      return up !== 0 || down !== 0 ? 100 * ((up - down) / (up + down)) : 0;
    },
  };
}

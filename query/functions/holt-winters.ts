/**
 * holt_winters(aggregate, n, season) and holt_winters_with_fit: n windows of forecast behind those of a series, by the damped method of
 * Holt and Winters. Its parameters are those with the least squared error that sixteen searches find (nelder-mead.ts), so it works
 * for a while: some milliseconds for a hundred windows. As InfluxDB computes it, down to the order of the operations: the relations
 * run on what they forecast, not on what was there, and the seasons belong to the parameters that the search moves.
 */
import { floorDiv } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import { findLeast, type Least } from './nelder-mead.ts';
import type { Emit, TransformState } from './transform-state.ts';

/** Windows of a series: nobody waits for sixteen searches over more. */
const WINDOWS_MAX = 1_000;
/** Windows of a forecast. */
export const AHEAD_MAX = 100_000;
const EPSILON = 1.0e-4;
const GUESSES = [0.3, 0.7];
const FIRST_LEVEL = 0.5;
const FIRST_TREND = 0.5;
/** Parameters before the seasons: alpha, beta, gamma, phi, level, trend. */
const SEASONS_FROM = 6;
/** 2 to the −n. */
const LEAST_EXPONENT = 1000;
const HALVES = Float64Array.from({ length: LEAST_EXPONENT + 1 }, (_, n) => 2 ** -n);

export function createHoltWinters(ahead: number, season: number, withFit: boolean, interval: bigint): TransformState {
  const times: bigint[] = [];
  const values: number[] = [];
  return {
    next(time, value) {
      if (times.length >= WINDOWS_MAX) {
        throw new QueryError('invalid', `holt_winters() over more than ${WINDOWS_MAX} windows of a series`);
      }
      times.push(time);
      values.push(Number(value));
    },
    *end(emit: Emit) {
      if (values.length < 2 || (season >= 2 && values.length < season)) return;
      const y = spaced(times, values, interval);
      if (y === null) return;
      const forecast = forecastOf(y, yield* bestParameters(y, season), ahead, season);
      const start = withFit ? 0 : y.length;
      const origin = withFit ? times[0]! : times.at(-1)! + interval;
      for (let i = start; i < forecast.length; i++) {
        const value = forecast[i]!;
        if (!Number.isNaN(value)) emit(origin + interval * BigInt(i - start), value);
      }
    },
  };
}

// private functions

/** A value for each window from first to last, NaN where there is none; null where there is but one, or time goes backwards. */
function spaced(times: readonly bigint[], values: readonly number[], interval: bigint): Float64Array | null {
  const windows = times.map((time) => nearest(time, interval));
  const length = Number(windows.at(-1)! - windows[0]!) + 1;
  if (length < 2) return null;
  if (length > WINDOWS_MAX) {
    throw new QueryError('invalid', `holt_winters() over more than ${WINDOWS_MAX} windows of a series`);
  }
  const y = new Float64Array(length).fill(Number.NaN);
  for (const [i, window] of windows.entries()) {
    const at = Number(window - windows[0]!);
    if (Number.isNaN(y[at])) y[at] = values[i]!;
  }
  return y;
}

function nearest(time: bigint, interval: bigint): bigint {
  const down = floorDiv(time, interval);
  return time - down * interval > interval / 2n ? down + 1n : down;
}

function* bestParameters(y: Float64Array, season: number): Generator<void, Float64Array> {
  const start = firstParameters(y, season);
  let best: { value: number; at: Float64Array } | null = null;
  for (const alpha of GUESSES)
    for (const beta of GUESSES)
      for (const gamma of GUESSES)
        for (const phi of GUESSES) {
          start.set([alpha, beta, gamma, phi]);
          const found: Least = yield* findLeast((point) => squaredError(y, point, season), start, EPSILON, 1);
          if (best === null || found.value < best.value) best = found;
        }
  return best!.at;
}

function firstParameters(y: Float64Array, season: number): Float64Array {
  if (season < 2) {
    const trend = Number.isNaN(y[1]) ? 0 : FIRST_TREND * (y[1]! - y[0]!);
    return Float64Array.of(0, 0, 0, 0, FIRST_LEVEL * y[0]!, trend);
  }
  const start = new Float64Array(SEASONS_FROM + season);
  let level = 0;
  let trend = 0;
  for (let i = 0; i < season; i++) if (!Number.isNaN(y[i])) level += (1 / season) * y[i]!;
  for (let i = 0; i < season && season + i < y.length; i++) {
    if (!Number.isNaN(y[i]) && !Number.isNaN(y[season + i])) {
      trend += (1 / (season * season)) * (y[season + i]! - y[i]!);
    }
  }
  start[4] = level;
  start[5] = trend;
  for (let i = 0; i < season; i++) start[SEASONS_FROM + i] = Number.isNaN(y[i]) ? 0 : y[i]! / level;
  return start;
}

/** The values of `y` and `ahead` more, as the relations give them. Brings the parameters into their range, and turns the seasons on. */
function forecastOf(y: Float64Array, parameters: Float64Array, ahead: number, season: number): Float64Array {
  for (let i = 0; i < 4; i++) parameters[i] = Math.min(1, Math.max(0, parameters[i]!));
  const seasonal = season >= 2;
  const seasons = parameters.subarray(SEASONS_FROM);
  const forecast = new Float64Array(y.length + ahead);
  const alpha = parameters[0]!;
  const beta = parameters[1]!;
  const gamma = parameters[2]!;
  const phi = parameters[3]!;
  let level = parameters[4]!;
  let trend = parameters[5]!;
  const powers = new Powers(phi, forecast.length);
  let damping = phi;
  /** Powers only get smaller: where one adds nothing, none behind it does. */
  let damps = true;
  let value = y[0]!;
  forecast[0] = value;
  // seasons[at] is the season before, seasons[(at + t) % season] the one that comes: the ring turns by two places a step
  let at = 0;
  for (let t = 1; t < forecast.length; t++) {
    let before = 1;
    let coming = 1;
    if (seasonal) {
      before = seasons[at]!;
      coming = seasons[(at + (t % season)) % season]!;
    }
    const line = level + phi * trend;
    const nextLevel = alpha * (value / before) + (1 - alpha) * line;
    const nextTrend = beta * (nextLevel - level) + (1 - beta) * phi * trend;
    const turned = gamma * (value / line) + (1 - gamma) * before;
    value = (nextLevel + damping * nextTrend) * coming;
    level = nextLevel;
    trend = nextTrend;
    if (damps) {
      const more = damping + powers.of(t);
      damps = more !== damping;
      damping = more;
    }
    if (seasonal) {
      seasons[at] = turned;
      at = (at + 2) % season;
    }
    forecast[t] = value;
  }
  return forecast;
}

/**
 * The powers of a number between 0 and 1 as Go computes them, by squaring a mantissa: the search goes other ways for one other bit.
 * Squares are kept from one power to the next.
 */
class Powers {
  readonly #base: number;
  readonly #mantissas: number[] = [];
  readonly #exponents: number[] = [];

  /** Of powers up to `most`. */
  constructor(base: number, most: number) {
    this.#base = base;
    if (!(base > 0 && base < 1)) return;
    let mantissa = base;
    let exponent = 0;
    while (mantissa < 0.5) {
      mantissa *= 2;
      exponent--;
    }
    for (let bit = 1; bit <= most; bit *= 2) {
      this.#mantissas.push(mantissa);
      this.#exponents.push(exponent);
      mantissa *= mantissa;
      exponent *= 2;
      if (mantissa < 0.5) {
        mantissa += mantissa;
        exponent--;
      }
    }
  }

  of(n: number): number {
    if (this.#mantissas.length === 0) return this.#base ** n;
    let mantissa = 1;
    let exponent = 0;
    for (let bit = 0; n !== 0; n >>= 1, bit++) {
      if ((n & 1) === 0) continue;
      mantissa *= this.#mantissas[bit]!;
      exponent += this.#exponents[bit]!;
    }
    return exponent < -LEAST_EXPONENT ? mantissa * 2 ** exponent : mantissa * HALVES[-exponent]!;
  }
}

function squaredError(y: Float64Array, parameters: Float64Array, season: number): number {
  const forecast = forecastOf(y, parameters, 0, season);
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    if (Number.isNaN(y[i])) continue;
    if (Number.isNaN(forecast[i])) return Number.POSITIVE_INFINITY;
    const difference = forecast[i]! - y[i]!;
    sum += difference * difference;
  }
  return sum;
}

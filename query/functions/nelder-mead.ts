/**
 * The simplex method of Nelder and Mead, to find where a function of many numbers is least; step by step as InfluxDB's, so that
 * holt_winters comes to the same forecast. The function may change the point that it is given.
 */

const ITERATIONS_MAX = 1000;
const REFLECTION = 1;
const CONTRACTION = 0.5;
const EXPANSION = 2;

export interface Least {
  readonly value: number;
  readonly at: Float64Array;
}

/** In steps: one for each round. */
export function* findLeast(
  ask: (point: Float64Array) => number,
  start: Float64Array,
  epsilon: number,
  scale: number,
): Generator<void, Least> {
  const n = start.length;
  const v = initialSimplex(start, scale);
  const f = v.map(ask);
  const middle = new Float64Array(n);
  const reflected = new Float64Array(n);
  const other = new Float64Array(n);
  for (let round = 1; round <= ITERATIONS_MAX; round++) {
    const { worst, best, second } = ranked(f);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let m = 0; m <= n; m++) if (m !== worst) sum += v[m]![i]!;
      middle[i] = sum / n;
    }
    const away = v[worst]!;
    for (let i = 0; i < n; i++) reflected[i] = middle[i]! + REFLECTION * (middle[i]! - away[i]!);
    const fr = ask(reflected);
    if (fr < f[second]! && fr >= f[best]!) {
      away.set(reflected);
      f[worst] = fr;
    }
    if (fr < f[best]!) {
      for (let i = 0; i < n; i++) other[i] = middle[i]! + EXPANSION * (reflected[i]! - middle[i]!);
      const fe = ask(other);
      const further = fe < fr;
      away.set(further ? other : reflected);
      f[worst] = further ? fe : fr;
    }
    if (fr >= f[second]!) {
      const outside = fr < f[worst]!;
      for (let i = 0; i < n; i++) {
        other[i] = outside
          ? middle[i]! + CONTRACTION * (reflected[i]! - middle[i]!)
          : middle[i]! - CONTRACTION * (middle[i]! - away[i]!);
      }
      const fc = ask(other);
      if (fc < f[worst]!) {
        away.set(other);
        f[worst] = fc;
      } else {
        for (let row = 0; row <= n; row++) {
          if (row === best) continue;
          for (let i = 0; i < n; i++) v[row]![i] = v[best]![i]! + (v[row]![i]! - v[best]![i]!) / 2;
        }
        f[worst] = ask(v[worst]!);
        f[second] = ask(v[second]!);
      }
    }
    if (spread(f) < epsilon) break;
    yield;
  }
  const { best } = ranked(f);
  const at = v[best]!.slice();
  return { value: ask(v[best]!), at };
}

// private functions

function initialSimplex(start: Float64Array, scale: number): Float64Array[] {
  const n = start.length;
  const p = (scale * (Math.sqrt(n + 1) - 1 + n)) / (n * Math.SQRT2);
  const q = (scale * (Math.sqrt(n + 1) - 1)) / (n * Math.SQRT2);
  const simplex = [start.slice()];
  for (let i = 1; i <= n; i++) simplex.push(start.map((x, j) => (i - 1 === j ? p : q) + x));
  return simplex;
}

function ranked(f: readonly number[]): { worst: number; best: number; second: number } {
  let worst = 0;
  let best = 0;
  for (let i = 0; i < f.length; i++) {
    if (f[i]! > f[worst]!) worst = i;
    if (f[i]! < f[best]!) best = i;
  }
  let second = best;
  for (let i = 0; i < f.length; i++) if (f[i]! > f[second]! && f[i]! < f[worst]!) second = i;
  return { worst, best, second };
}

function spread(f: readonly number[]): number {
  const n = f.length - 1;
  let sum = 0;
  for (const one of f) sum += one;
  const mean = sum / f.length;
  let squares = 0;
  for (const one of f) squares += (one - mean) ** 2 / n;
  return Math.sqrt(squares);
}

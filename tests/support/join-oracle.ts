/** Joins by two nested loops: what the joins of the query engine are held against. */
import { compareText } from '../../model/index.ts';

/** ns. */
const SECOND = 1_000_000_000n;
/** Of the windows that both sides are summed over. */
const WINDOW = 10n * SECOND;

type Values = Readonly<Record<string, string | number>>;

export interface Point {
  /** Of its series. */
  readonly key: string;
  readonly time: bigint;
  /** Tags and fields by name; what it has not is not there. */
  readonly values: Values;
}

export interface Pair {
  readonly time: bigint;
  readonly values: Values;
}

/** Points of `a` that have `x` with those of `b` that have `y`. `hasKey`: of the same `host`. */
export function intervalPairs(a: readonly Point[], b: readonly Point[], within: bigint, hasKey: boolean): Pair[] {
  const [left, right] = [a.filter(({ values }) => 'x' in values), b.filter(({ values }) => 'y' in values)];
  return left.flatMap((l) =>
    right
      .filter((r) => isSame(l, r, hasKey) && l.time - r.time <= within && r.time - l.time <= within)
      .map((r) => pairOf(l, r)),
  );
}

/** `tolerance`: null = any. */
export function asofPairs(a: readonly Point[], b: readonly Point[], tolerance: bigint | null, hasKey: boolean): Pair[] {
  const right = b.filter(({ values }) => 'y' in values);
  return a.flatMap((l) => {
    if (!('x' in l.values)) return [];
    const before = right.filter((r) => isSame(l, r, hasKey) && r.time <= l.time);
    const latest = before.sort((p, q) => Number(p.time - q.time) || compareText(p.key, q.key)).at(-1);
    if (latest === undefined || (tolerance !== null && l.time - latest.time > tolerance)) return [];
    return [pairOf(l, latest)];
  });
}

/** Sums of `x` and of `y` by window; `fill` stands for a side that has none, null = then there is no row. */
export function windowPairs(
  a: readonly Point[],
  b: readonly Point[],
  fill: null | 'null' | 'previous' | number,
  hasKey: boolean,
): Pair[] {
  const sides = [sums(a, 'x', hasKey), sums(b, 'y', hasKey)];
  const groups = new Set(sides.flatMap((side) => [...side.keys()]));
  const pairs: Pair[] = [];
  for (const group of groups) {
    const [left, right] = sides.map((side) => side.get(group) ?? new Map<bigint, number>());
    const last = { x: undefined as number | undefined, y: undefined as number | undefined };
    for (const time of [...new Set([...left.keys(), ...right.keys()])].sort((p, q) => Number(p - q))) {
      const found = { x: left.get(time), y: right.get(time) };
      if (fill === null && (found.x === undefined || found.y === undefined)) continue;
      const missing = (name: 'x' | 'y') =>
        fill === 'previous' ? last[name] : typeof fill === 'number' ? fill : undefined;
      const { x = missing('x'), y = missing('y') } = found;
      Object.assign(last, JSON.parse(JSON.stringify(found)));
      pairs.push({ time, values: JSON.parse(JSON.stringify({ x, y, host: group })) });
    }
  }
  return pairs;
}

// private functions

/** By group and window. */
function sums(side: readonly Point[], name: string, hasKey: boolean): Map<string, Map<bigint, number>> {
  const groups = new Map<string, Map<bigint, number>>();
  for (const { time, values } of side) {
    const value = values[name];
    if (value === undefined) continue;
    const group = hasKey ? String(values['host'] ?? '') : '';
    const windows = groups.get(group) ?? new Map<bigint, number>();
    groups.set(group, windows);
    const window = time - (time % WINDOW);
    windows.set(window, (windows.get(window) ?? 0) + Number(value));
  }
  return groups;
}

function isSame(a: Point, b: Point, hasKey: boolean): boolean {
  return !hasKey || (a.values['host'] ?? '') === (b.values['host'] ?? '');
}

function pairOf(left: Point, right: Point): Pair {
  return { time: left.time, values: { ...right.values, ...left.values } };
}

/**
 * Which rows of two sides belong together, within one group: both are read once, in order of time, and of the right side only those
 * rows are held that a row to come may still be matched with. Both sides' rows of the same window are held together. Nothing is
 * copied here: matches are pairs of places, a batch at a time. Who drives it gives the tables that it asks for, so it waits for nobody.
 */
import { compareSplit, highOf, lowOf, type SplitTime, splitTime } from '../../functions/slot-time.ts';
import type { PlanJoin } from '../../planner/plan.ts';
import { checkBytes, type Limits } from '../source/limits.ts';
import type { ResultTable } from '../source/result.ts';
import type { Reading, SideTable } from './join-side.ts';

/** Pairs of one batch. */
const PAIRS_MAX = 8_192;
/** High parts of times that one block may span: its offsets stay exact. */
const HIGH_SPAN_MAX = 2 ** 20 - 1;

/** The next table of a group; null = there is none. */
export type NextTable = () => Reading<SideTable | null>;

/** Asks for the next table of a side by its number, and gives batches, which the caller takes out. */
export type Matching = Generator<0 | 1 | Pairs, void, ResultTable | null>;

/** Row leftRow[k] of lefts[leftFrom[k]] with row rightRow[k] of rights[rightFrom[k]], for k < count, in order of time. */
export class Pairs {
  lefts: SideTable[] = [];
  rights: SideTable[] = [];
  readonly leftFrom = new Uint16Array(PAIRS_MAX);
  readonly leftRow = new Uint32Array(PAIRS_MAX);
  readonly rightFrom = new Uint16Array(PAIRS_MAX);
  readonly rightRow = new Uint32Array(PAIRS_MAX);
  readonly high = new Float64Array(PAIRS_MAX);
  readonly low = new Float64Array(PAIRS_MAX);
  count = 0;

  /** Whether a pair of this time has to wait until those that are here have left. */
  isFull(high: number): boolean {
    return this.count === PAIRS_MAX || (this.count > 0 && high - this.high[0] > HIGH_SPAN_MAX);
  }

  /** Its time is that of `timed`, one of both. */
  add(left: SideTable, leftRow: number, right: SideTable, rightRow: number, timed: 'left' | 'right'): void {
    const k = this.count++;
    this.leftFrom[k] = placeOf(this.lefts, left);
    this.leftRow[k] = leftRow;
    this.rightFrom[k] = placeOf(this.rights, right);
    this.rightRow[k] = rightRow;
    const [table, row] = timed === 'left' ? [left, leftRow] : [right, rightRow];
    this.high[k] = table.high[row];
    this.low[k] = table.low[row];
  }

  clear(): void {
    this.lefts = [];
    this.rights = [];
    this.count = 0;
  }
}

export interface MatchSides {
  readonly left: NextTable;
  readonly right: NextTable;
  /** What stands for a row that is not there. */
  readonly nothing: readonly [SideTable, SideTable];
}

/** Fills `pairs` and stops at each batch. */
export function* matches({ kind, within, fill }: PlanJoin, sides: MatchSides, pairs: Pairs, limits: Limits): Matching {
  const reach = within === null ? null : splitTime(within);
  if (kind === 'interval') yield* inInterval(sides, reach!, pairs, limits);
  else if (kind === 'asof') yield* latestBefore(sides, reach, pairs, limits);
  else yield* inWindow(sides, fill, pairs, limits);
  if (pairs.count > 0) yield pairs;
}

// private functions

function* inInterval(sides: MatchSides, reach: SplitTime, pairs: Pairs, limits: Limits): Matching {
  const held = new Held(sides.right, limits);
  for (let left = yield* sides.left(); left !== null; left = yield* sides.left()) {
    for (let row = 0; row < left.rows; row++) {
      while (held.first !== null || (yield* held.pull())) {
        if (!isLater(left, row, held.first!, held.row, reach)) break;
        held.step();
      }
      for (let t = 0, at = held.row; ; ) {
        if (t === held.tables.length && !(yield* held.pull())) break;
        const right = held.tables[t];
        if (isLater(right, at, left, row, reach)) break;
        if (pairs.isFull(left.high[row])) yield pairs;
        pairs.add(left, row, right, at, 'left');
        if (++at === right.rows) {
          t++;
          at = 0;
        }
      }
    }
  }
}

function* latestBefore(sides: MatchSides, reach: SplitTime | null, pairs: Pairs, limits: Limits): Matching {
  const held = new Held(sides.right, limits);
  let right: SideTable | null = null;
  let at = 0;
  for (let left = yield* sides.left(); left !== null; left = yield* sides.left()) {
    for (let row = 0; row < left.rows; row++) {
      while (held.first !== null || (yield* held.pull())) {
        if (compareRows(held.first!, held.row, left, row) > 0) break;
        right = held.first!;
        at = held.row;
        held.step();
      }
      if (right === null || (reach !== null && isLater(left, row, right, at, reach))) continue;
      if (pairs.isFull(left.high[row])) yield pairs;
      pairs.add(left, row, right, at, 'left');
    }
  }
}

function* inWindow(sides: MatchSides, fill: PlanJoin['fill'], pairs: Pairs, limits: Limits): Matching {
  const [a, b] = [new Held(sides.left, limits), new Held(sides.right, limits)];
  const runs = [new Run(sides.nothing[0]), new Run(sides.nothing[1])] as const;
  for (;;) {
    const hasLeft = a.first !== null || (yield* a.pull());
    const hasRight = b.first !== null || (yield* b.pull());
    if (!hasLeft && !hasRight) return;
    const order = !hasLeft ? 1 : !hasRight ? -1 : compareRows(a.first!, a.row, b.first!, b.row);
    for (const [run, held, has] of [
      [runs[0], a, order <= 0],
      [runs[1], b, order >= 0],
    ] as const) {
      if (has) yield* run.read(held);
      else run.standIn(fill?.kind === 'previous');
    }
    if (order !== 0 && fill === null) continue;
    const [left, right] = runs;
    const timed = order <= 0 ? 'left' : 'right';
    for (let i = 0; i < left.rows.length; i++) {
      for (let j = 0; j < right.rows.length; j++) {
        const high = timed === 'left' ? left.tables[i].high[left.rows[i]] : right.tables[j].high[right.rows[j]];
        if (pairs.isFull(high)) yield pairs;
        pairs.add(left.tables[i], left.rows[i], right.tables[j], right.rows[j], timed);
      }
    }
  }
}

/** Rows of a side that were read and not let go of, from `row` of the first table on. */
class Held {
  readonly tables: SideTable[] = [];
  row = 0;
  readonly #next: NextTable;
  readonly #limits: Limits;
  #bytes = 0;

  constructor(next: NextTable, limits: Limits) {
    this.#next = next;
    this.#limits = limits;
  }

  get first(): SideTable | null {
    return this.tables[0] ?? null;
  }

  *pull(): Reading<boolean> {
    const table = yield* this.#next();
    if (table === null) return false;
    this.#bytes += table.bytes;
    checkBytes(this.#bytes, this.#limits);
    this.tables.push(table);
    return true;
  }

  /** Lets go of the first row. */
  step(): void {
    if (++this.row < this.tables[0].rows) return;
    this.row = 0;
    this.#bytes -= this.tables.shift()!.bytes;
  }
}

/** The rows of one window on one side. */
class Run {
  readonly tables: SideTable[] = [];
  readonly rows: number[] = [];
  readonly #nothing: SideTable;

  constructor(nothing: SideTable) {
    this.#nothing = nothing;
  }

  /** All rows of the time of the first. */
  *read(held: Held): Reading<void> {
    this.tables.length = 0;
    this.rows.length = 0;
    do {
      this.tables.push(held.first!);
      this.rows.push(held.row);
      held.step();
    } while (
      (held.first !== null || (yield* held.pull())) &&
      compareRows(held.first!, held.row, this.tables[0], this.rows[0]) === 0
    );
  }

  /** What stands for rows that are not there: the last that were, or nothing. */
  standIn(isPrevious: boolean): void {
    const [table, row] = isPrevious ? [this.tables.at(-1), this.rows.at(-1)] : [undefined, undefined];
    this.tables.length = 0;
    this.rows.length = 0;
    this.tables.push(table ?? this.#nothing);
    this.rows.push(row ?? 0);
  }
}

function placeOf(tables: SideTable[], table: SideTable): number {
  const at = tables.lastIndexOf(table);
  return at < 0 ? tables.push(table) - 1 : at;
}

function compareRows(a: SideTable, i: number, b: SideTable, j: number): number {
  return compareSplit(a.high[i], a.low[i], b.high[j], b.low[j]);
}

/** Whether row i of a is later than row j of b by more than the reach. */
function isLater(a: SideTable, i: number, b: SideTable, j: number, reach: SplitTime): boolean {
  const low = b.low[j] + reach.low;
  return compareSplit(a.high[i], a.low[i], highOf(b.high[j] + reach.high, low), lowOf(low)) > 0;
}

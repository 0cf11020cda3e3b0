/**
 * mode(x): the most frequent value of a slot. Of several InfluxDB takes the one that its walk through the sorted points meets last with
 * a first point that is not later than the last point of the one before; which points these are hangs on its sort, which is not stable.
 * So the points are kept too, of a slot with up to as many as that order is looked for; beyond them first and last are by time. Of as
 * many false and true, true is the mode.
 */
import type { FieldType, Value } from '../../model/index.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { ARRIVALS_MAX, compareTimes, type Direction } from './arrival.ts';
import { KeptPoints, type PointList } from './kept-points.ts';
import { prefixed, unprefixed } from './prefixed.ts';
import { SlotArrivals } from './slot-arrivals.ts';
import { compareSplit } from './slot-time.ts';
import { type Tally, TallyState } from './tally.ts';
import { sortUnstable } from './unstable-order.ts';

/** Points that one query may keep on one thread, some 300 MB; of more all go, and what was to be known by them is by time. */
const KEPT_POINTS_MAX = 5_000_000;

/** Before the names of the points' columns. */
const KEPT = 'kept ';

/** A slot that has nothing. */
const NOBODY = -1;

export class ModeState implements AggregateState {
  readonly #type: FieldType;
  readonly #tally = new TallyState('mode');
  /** null once there were too many. */
  #kept: KeptPoints | null;
  readonly #arrivals: SlotArrivals | null;
  /** Whether windows are looked at together. */
  readonly #remembers: boolean;

  /** `direction` null = a window hangs on none before it. */
  constructor(type: FieldType, direction: Direction | null) {
    this.#type = type;
    this.#kept = type === 'boolean' ? null : new KeptPoints(true, 0, ARRIVALS_MAX);
    this.#arrivals = this.#kept && new SlotArrivals(this.#kept, direction ?? 'ascending', []);
    this.#remembers = direction !== null;
  }

  grow(slots: number): void {
    this.#tally.grow(slots);
  }

  update(slice: RowSlice): void {
    this.#tally.update(slice);
    this.#kept?.update(slice);
    this.#forgetMany();
  }

  take(slots: Int32Array): StateData {
    return { ...this.#tally.take(slots), ...this.#keptOf(slots) };
  }

  weight(slot: number): number {
    return Math.max(this.#tally.weight(slot), this.#kept?.weight(slot) ?? 0);
  }

  /** The points, which are few of one slot, in the first. */
  *takeParts(slot: number, valuesMax: number): Generator<StateData> {
    let kept = this.#keptOf(Int32Array.of(slot));
    for (const part of this.#tally.takeParts(slot, valuesMax)) {
      yield { ...part, ...kept };
      kept = this.#keptOf(Int32Array.of(NOBODY));
    }
  }

  merge(data: StateData, slots: Int32Array): void {
    this.#tally.merge(data, slots);
    const kept = unprefixed(KEPT, data);
    if (kept === null) this.#kept = null;
    else this.#kept?.merge(kept, slots);
    this.#forgetMany();
  }

  reset(slot: number): void {
    this.#tally.reset(slot);
    this.#kept?.reset(slot);
  }

  arrange(slots: Int32Array): Iterable<null> {
    if (this.#remembers) this.#arrivals?.arrange(slots);
    return [];
  }

  empty(slot: number): boolean {
    return this.#tally.empty(slot);
  }

  result(slot: number): Value {
    const most = this.#tally.mostFrequent(slot);
    if (most.length === 0) return null;
    if (this.#type === 'boolean') return most[most.length - 1].value;
    if (most.length === 1) return most[0].value;
    const points = this.#kept?.at(slot);
    return points === undefined || points.values.length > ARRIVALS_MAX ? byTimes(most) : this.#walked(slot, points);
  }

  // private functions

  /** Nothing at all once the points were too many. */
  #keptOf(slots: Int32Array): StateData {
    return this.#kept === null ? {} : prefixed(KEPT, this.#kept.take(slots));
  }

  #forgetMany(): void {
    if (this.#kept !== null && this.#kept.count > KEPT_POINTS_MAX) this.#kept = null;
  }

  /** The walk through the sorted points. */
  #walked(slot: number, points: PointList): Value {
    const { values } = points;
    const order = this.#arrivals!.of(slot);
    sortUnstable(order, (a, b) => values[a] < values[b]);
    let first = order[0];
    let best = order[0];
    let most = 0;
    let count = 0;
    for (const at of order) {
      if (values[at] !== values[first]) {
        first = at;
        count = 1;
        continue;
      }
      count++;
      if (most > count || (most === count && compareTimes(points, first, best) > 0)) continue;
      most = count;
      best = at;
    }
    return values[best];
  }
}

// private functions

/** The same walk where the points of each value are in the order of time; values that occur once replace none. */
function byTimes(most: readonly Tally[]): Value {
  let best = most[0];
  for (const t of most) {
    if (t.count > 1 && compareSplit(t.firstHigh, t.firstLow, best.lastHigh, best.lastLow) <= 0) best = t;
  }
  return best.value;
}

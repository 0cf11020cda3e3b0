/**
 * In which order the points of a slot come to percentile and mode on InfluxDB (arrival.ts), found when it is first asked for. A slot is
 * looked at by itself until it is known which windows its group has: points of one time come by a heap that remembers those before.
 */
import { ARRIVALS_MAX, arrivalByTime, type Direction } from './arrival.ts';
import type { KeptPoints, PointList } from './kept-points.ts';

const NO_POINTS: PointList = { values: [], times: [], series: [], carried: [] };

export class SlotArrivals {
  readonly #kept: KeptPoints;
  readonly #direction: Direction;
  readonly #byName: readonly number[];
  /** Of the group at hand, in the order of its windows. */
  #slots = new Int32Array(0);
  /** By slot of that group. */
  #orders: Map<number, Uint32Array> | null = null;

  constructor(kept: KeptPoints, direction: Direction, byName: readonly number[]) {
    this.#kept = kept;
    this.#direction = direction;
    this.#byName = byName;
  }

  /** All slots of a group in windows, in the order of these; together they are looked at only where they are not too many. */
  arrange(slots: Int32Array): void {
    const points = slots.reduce((sum, slot) => sum + this.#kept.weight(slot), 0);
    this.#slots = points > ARRIVALS_MAX ? new Int32Array(0) : slots.slice();
    this.#orders = null;
  }

  /** Indexes of the points of a slot that has some; the caller may sort them. */
  of(slot: number): Uint32Array {
    this.#orders ??= this.#ofGroup();
    return this.#orders.get(slot)?.slice() ?? this.#order(this.#kept.at(slot)!);
  }

  // private functions

  #ofGroup(): Map<number, Uint32Array> {
    const slots = this.#direction === 'ascending' ? this.#slots : this.#slots.toReversed();
    const lists = Array.from(slots, (slot) => this.#kept.at(slot) ?? NO_POINTS);
    const order = this.#order({
      values: lists.flatMap(({ values }) => values),
      times: lists.flatMap(({ times }) => times),
      series: lists.flatMap(({ series }) => series),
      carried: lists.flatMap(({ carried }) => carried),
    });
    let from = 0;
    // the windows follow one another in time
    return new Map(
      lists.map(({ values }, i) => {
        const start = from;
        from += values.length;
        return [slots[i], order.slice(start, from).map((at) => at - start)];
      }),
    );
  }

  #order(points: PointList): Uint32Array<ArrayBuffer> {
    return arrivalByTime(points, this.#kept, this.#direction, this.#byName);
  }
}

/** spread(x): the largest value less the smallest, out of a max and a min. */
import type { FieldType, Value } from '../../model/index.ts';
import type { AggregateState, RowSlice, RunSlice, StateData } from './aggregate.ts';
import { prefixed, unprefixed } from './prefixed.ts';
import { SelectorState } from './selector.ts';

export class SpreadState implements AggregateState {
  readonly #min: SelectorState;
  readonly #max: SelectorState;

  constructor(type: FieldType) {
    this.#min = new SelectorState('min', type, 0);
    this.#max = new SelectorState('max', type, 0);
  }

  grow(slots: number): void {
    this.#min.grow(slots);
    this.#max.grow(slots);
  }

  update(slice: RowSlice): void {
    this.#min.update(slice);
    this.#max.update(slice);
  }

  updateRuns(runs: RunSlice): boolean {
    return this.#min.updateRuns(runs) && this.#max.updateRuns(runs);
  }

  take(slots: Int32Array): StateData {
    return { ...prefixed('min ', this.#min.take(slots)), ...prefixed('max ', this.#max.take(slots)) };
  }

  merge(data: StateData, slots: Int32Array): void {
    this.#min.merge(unprefixed('min ', data)!, slots);
    this.#max.merge(unprefixed('max ', data)!, slots);
  }

  reset(slot: number): void {
    this.#min.reset(slot);
    this.#max.reset(slot);
  }

  empty(slot: number): boolean {
    return this.#min.empty(slot);
  }

  result(slot: number): Value {
    const min = this.#min.result(slot);
    const max = this.#max.result(slot);
    if (min === null || max === null) return null;
    if (typeof min === 'number' && typeof max === 'number') return max - min;
    return BigInt.asIntN(64, BigInt(max as number | bigint) - BigInt(min as number | bigint));
  }
}

/** RowLimit: LIMIT and OFFSET of a plan, over the rows of one series after another. */
import type { Plan } from '../../planner/plan.ts';

export class RowLimit {
  readonly #limit: number;
  readonly #offset: number;
  /** Rows of the series so far, those that OFFSET leaves out included. */
  #seen = 0;

  constructor({ limit, offset }: Plan) {
    this.#limit = limit;
    this.#offset = offset;
  }

  /** A series begins. */
  start(): void {
    this.#seen = 0;
  }

  get seen(): number {
    return this.#seen;
  }

  /** LIMIT is reached: further rows of this series are left out. */
  get full(): boolean {
    return this.#limit > 0 && this.#seen >= this.#limit + this.#offset;
  }

  /** One more row; whether it is in the answer. */
  admits(): boolean {
    return !this.full && this.#seen++ >= this.#offset;
  }

  /** So many more rows: those from `first` up to `end` are in the answer. */
  take(count: number): readonly [first: number, end: number] {
    const first = Math.min(count, Math.max(0, this.#offset - this.#seen));
    const end = this.#limit > 0 ? Math.min(count, this.#limit + this.#offset - this.#seen) : count;
    this.#seen += count;
    return [first, end];
  }
}

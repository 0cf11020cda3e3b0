/**
 * The messages of one consumer that are out: delivered, neither acknowledged nor asked for again. Both adapters keep one per
 * consumer and make their deliveries with it. Invariant: what is out has ascending sequences, and is never more than `max` as long
 * as the adapter asks `full` first.
 *
 * `ack` settles a message and all before it; `nak` settles it and all behind it, and tells the adapter from where to deliver again.
 * A settled delivery is dead: calling it again does nothing.
 */
import type { Delivery } from './broker.ts';

export interface UnackedCallbacks {
  /** There is room again. */
  readonly freed: () => void;
  /** This sequence and all behind it are wanted again. */
  readonly rewound: (sequence: number) => void;
}

export class Unacked {
  readonly #max: number;
  readonly #callbacks: UnackedCallbacks;
  #out: Out[] = [];
  /** Everything before it in `#out` is settled: acknowledging is a step forward, not a copy. */
  #head = 0;

  constructor(max: number, callbacks: UnackedCallbacks) {
    this.#max = max;
    this.#callbacks = callbacks;
  }

  get size(): number {
    return this.#out.length - this.#head;
  }

  get full(): boolean {
    return this.size >= this.#max;
  }

  /** A delivery that is out from now on. */
  deliver(sequence: number, payload: Uint8Array): Delivery {
    const out = new Out(sequence, payload, this);
    this.#out.push(out);
    return out;
  }

  /** All that is out is dead: the consumer has ended. */
  clear(): void {
    for (let i = this.#head; i < this.#out.length; i++) this.#out[i].settled = true;
    this.#out = [];
    this.#head = 0;
  }

  /** Called by deliveries that are not settled, so the loops below end at them. */
  ack(delivery: Out): void {
    let settled: Out;
    do {
      settled = this.#out[this.#head++];
      settled.settled = true;
    } while (settled !== delivery);
    if (this.#head === this.#out.length || this.#head >= this.#max) {
      this.#out = this.#out.slice(this.#head);
      this.#head = 0;
    }
    this.#callbacks.freed();
  }

  /** As `ack`. */
  nak(delivery: Out): void {
    let settled: Out;
    do {
      settled = this.#out.pop()!;
      settled.settled = true;
    } while (settled !== delivery);
    this.#callbacks.rewound(delivery.sequence);
  }
}

class Out implements Delivery {
  readonly sequence: number;
  readonly payload: Uint8Array;
  settled = false;
  readonly #unacked: Unacked;

  constructor(sequence: number, payload: Uint8Array, unacked: Unacked) {
    this.sequence = sequence;
    this.payload = payload;
    this.#unacked = unacked;
  }

  ack(): void {
    if (!this.settled) this.#unacked.ack(this);
  }

  nak(): void {
    if (!this.settled) this.#unacked.nak(this);
  }
}

/**
 * The producer table of one shard: which messages of which producers are in the stream already, so that one published again is
 * refused. Filled in stream order: by the embedded broker from the log (at opening and after each commit), by the NATS broker from
 * acknowledgements. What it holds is a function of the messages added and their order alone, so that a restart rebuilds it.
 *
 * Per producer it keeps the greatest number and the sequences of the 64 numbers up to it. A producer has at most so many messages
 * under way, so a number further back was settled long ago. Bounded by a number of producers: the one silent for longest is
 * forgotten first.
 */
import type { MessageId } from '../../model/index.ts';

/** Numbers kept per producer. */
export const PRODUCER_WINDOW = 64;

/** Half a KiB each, so 2 MiB a shard; many times the processes that publish to one server within minutes. */
export const PRODUCERS_MAX = 4096;

/** Per producer in `save`: its id, last number, last sequence, then the window. */
export const PRODUCER_NUMBERS = 3 + PRODUCER_WINDOW;

export interface Seen {
  /** Where the message is; for one older than the window a later message of its producer, so it lies at or before it. */
  readonly sequence: number;
  readonly older: boolean;
}

interface Producer {
  last: number;
  lastSequence: number;
  /** Sequence of number n at n % PRODUCER_WINDOW, 0 = not seen. */
  readonly sequences: Float64Array;
}

export class Producers {
  readonly #max: number;
  /** In order of their last message: the first is forgotten first. */
  readonly #producers = new Map<number, Producer>();

  constructor(max: number = PRODUCERS_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#producers.size;
  }

  /** Null: not seen, so publish it. */
  find(id: MessageId): Seen | null {
    const producer = this.#producers.get(id.producer);
    if (producer === undefined || id.number > producer.last) return null;
    if (id.number <= producer.last - PRODUCER_WINDOW) return { sequence: producer.lastSequence, older: true };
    const sequence = producer.sequences[id.number % PRODUCER_WINDOW];
    return sequence === 0 ? null : { sequence, older: false };
  }

  add(id: MessageId, sequence: number): void {
    let producer = this.#producers.get(id.producer);
    if (producer === undefined) {
      if (this.#producers.size >= this.#max) this.#forgetFirst();
      producer = { last: id.number, lastSequence: 0, sequences: new Float64Array(PRODUCER_WINDOW) };
    } else {
      this.#producers.delete(id.producer);
    }
    this.#producers.set(id.producer, producer);
    producer.lastSequence = Math.max(producer.lastSequence, sequence);
    if (id.number <= producer.last - PRODUCER_WINDOW) return;
    if (id.number > producer.last) moveWindow(producer, id.number);
    producer.sequences[id.number % PRODUCER_WINDOW] = sequence;
  }

  /** All of it as bytes, for `restore`; what they mean stands in producers-file.ts. */
  save(): Uint8Array<ArrayBuffer> {
    const numbers = new Float64Array(this.#producers.size * PRODUCER_NUMBERS);
    let at = 0;
    for (const [producer, { last, lastSequence, sequences }] of this.#producers) {
      numbers.set([producer, last, lastSequence], at);
      numbers.set(sequences, at + 3);
      at += PRODUCER_NUMBERS;
    }
    return new Uint8Array(numbers.buffer);
  }

  /** Into an empty table. `saved` starts at a multiple of 8 in its buffer. */
  restore(saved: Uint8Array): void {
    const numbers = new Float64Array(saved.buffer, saved.byteOffset, saved.byteLength / 8);
    for (let at = 0; at < numbers.length; at += PRODUCER_NUMBERS) {
      const [producer, last, lastSequence] = numbers.subarray(at, at + 3);
      const sequences = numbers.slice(at + 3, at + PRODUCER_NUMBERS);
      this.#producers.set(producer, { last, lastSequence, sequences });
      if (this.#producers.size > this.#max) this.#forgetFirst();
    }
  }

  // private functions

  #forgetFirst(): void {
    for (const producer of this.#producers.keys()) {
      this.#producers.delete(producer);
      return;
    }
  }
}

// private functions

function moveWindow(producer: Producer, last: number): void {
  if (last - producer.last >= PRODUCER_WINDOW) producer.sequences.fill(0);
  else for (let n = producer.last + 1; n < last; n++) producer.sequences[n % PRODUCER_WINDOW] = 0;
  producer.last = last;
}

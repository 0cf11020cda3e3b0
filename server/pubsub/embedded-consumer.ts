/**
 * A consumer of the embedded broker: reads the log until it has caught up, then takes each group commit from memory. Made by
 * embedded.ts, which calls `committed` after every fsync of the shard's log.
 *
 *     consume(from) ─▶ reading ──── next > last of the log ───▶ live ─▶ committed(): delivered at once, nothing is read
 *                         ▲                                       │
 *                         └── too much unacknowledged, or nak ────┘
 *
 * The step from reading to live and `committed` are both synchronous, so no commit falls between them: no gap, no message twice.
 * What one commit brings is delivered in turns (delivery-turns.ts).
 */
import assert from 'node:assert/strict';
import type { ShardLog } from '../../storage/index.ts';
import { BrokerError, type ConsumeOptions, type Consumer } from './broker.ts';
import { deliverMessage } from './deliver.ts';
import { DeliveryTurns } from './delivery-turns.ts';
import { brokerErrorOf } from './embedded-errors.ts';
import { Unacked } from './unacked.ts';

export class EmbeddedConsumer implements Consumer {
  readonly #log: ShardLog;
  readonly #options: ConsumeOptions;
  readonly #unacked: Unacked;
  /** Called when it ended by itself or was closed. */
  readonly #ended: (consumer: EmbeddedConsumer) => void;
  #state: 'reading' | 'live' | 'ended' = 'reading';
  /** Sequence of the next message to deliver. */
  #next: number;
  /** How often `#next` was set back: whoever reads on compares. */
  #rewinds = 0;
  /** Committed, of a live consumer, and still to be delivered: from `#next` on. */
  #waiting: Uint8Array[] = [];
  readonly #turns = new DeliveryTurns(() => this.#deliverNext());
  #wake: (() => void) | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(log: ShardLog, options: ConsumeOptions, ended: (consumer: EmbeddedConsumer) => void) {
    this.#log = log;
    this.#options = options;
    this.#ended = ended;
    this.#next = options.from;
    this.#unacked = new Unacked(options.unackedMax, {
      freed: () => this.#wakeUp(),
      rewound: (sequence) => this.#rewind(sequence),
    });
    this.#startReading();
  }

  /** The messages of one group commit; the first has sequence `first`. */
  committed(first: number, payloads: readonly Uint8Array[]): void {
    if (this.#state !== 'live') return;
    assert(first === this.#next + this.#waiting.length, 'commits follow one another');
    // the log has them too
    if (this.#waiting.length > this.#options.unackedMax) this.#startReading();
    else for (const payload of payloads) this.#waiting.push(payload);
    this.#turns.begin();
  }

  async close(): Promise<void> {
    this.#end();
    await this.#reading;
  }

  // private functions

  /** False: nothing waits any more. */
  #deliverNext(): boolean {
    if (this.#state !== 'live' || this.#waiting.length === 0) return false;
    if (this.#unacked.full) {
      this.#startReading();
      return false;
    }
    this.#deliver(this.#next, this.#waiting.shift()!);
    return this.#waiting.length > 0;
  }

  #startReading(): void {
    this.#waiting = [];
    this.#state = 'reading';
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    // never deliver within the call that started it: it may come out of a delivery
    await null;
    try {
      while (this.#state === 'reading') {
        if (this.#unacked.full) await this.#woken();
        else if (this.#next > this.#log.last) this.#state = 'live';
        else await this.#readOn();
      }
    } catch (error) {
      if (this.#end()) this.#options.failed(brokerErrorOf(error));
    }
  }

  /** Delivers from the log until its end, a rewind or the end of the consumer. */
  async #readOn(): Promise<void> {
    const rewinds = this.#rewinds;
    for await (const { sequence, payload } of this.#log.read(this.#next)) {
      while (this.#unacked.full && this.#state === 'reading' && rewinds === this.#rewinds) await this.#woken();
      if (this.#state !== 'reading' || rewinds !== this.#rewinds) return;
      if (sequence !== this.#next) {
        throw new BrokerError('position gone', `sequence ${this.#next} is no longer in the log, ${sequence} is`);
      }
      this.#deliver(sequence, payload);
    }
  }

  #deliver(sequence: number, payload: Uint8Array): void {
    this.#next = sequence + 1;
    if (!deliverMessage(this.#options, this.#unacked, sequence, payload)) this.#end();
  }

  #rewind(sequence: number): void {
    this.#next = sequence;
    this.#rewinds++;
    if (this.#state === 'live') this.#startReading();
    else this.#wakeUp();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** False if it had ended before. */
  #end(): boolean {
    if (this.#state === 'ended') return false;
    this.#state = 'ended';
    this.#waiting = [];
    this.#turns.stop();
    this.#unacked.clear();
    this.#wakeUp();
    this.#ended(this);
    return true;
  }
}

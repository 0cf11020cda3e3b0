/**
 * Recorder: the consumer of a shard's stream that makes it durable and readable. One per shard, on the shard's thread.
 *
 *     broker ──deliver──▶ own log (only where the broker is not itself fsynced) ──committed──▶ store ──▶ observer (live queries)
 *
 * Order of calls: `recovered` for every message that the log is found to hold when it is opened, then `start`. The store knows up to
 * where it is sealed, so only what lies behind is applied; nobody observes that. From `start` on applying is synchronous: store and
 * observer always stand at the same position, `applied`. A message is acknowledged to the broker when it is applied. What is applied is a
 * pure function of the stream: no clock, no configuration. It starts no retries of a failed fsync: an error here is final and reported by
 * `failed`.
 */
import assert from 'node:assert/strict';
import {
  type BatchReading,
  BatchScratch,
  type Checksum,
  type Compression,
  type ControlEntry,
  envelopeIntact,
  KeptLists,
  readBatches,
  readControl,
  readEnvelopeHeader,
  TIME_MAX,
  TIME_MIN,
} from '../../model/index.ts';
import { type Applied, type RowsDeletion, type ShardLog, type ShardStore, StorageError } from '../../storage/index.ts';
import { type Broker, type BrokerError, type Consumer, type Delivery, DeliveryTurns } from '../pubsub/index.ts';

/** Messages of one shard between broker and store; of 128 KiB each they are 32 MiB. */
const UNACKED_MAX = 256;

/** Hears of everything applied, in the same turn and in order. Must not throw. */
export interface RecorderObserver {
  batchApplied(name: BatchName, applied: Applied): void;
  /** `deleted`: rows that are no more, by measurement. */
  controlApplied(entry: ControlEntry, deleted: readonly DeletedSpan[]): void;
  /** All of one message is applied. */
  messageApplied(sequence: number): void;
}

export interface BatchName {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
}

/** Some rows of a measurement of these times, both included; in whichever policy. */
export interface DeletedSpan {
  readonly measurement: string;
  readonly minTime: bigint;
  readonly maxTime: bigint;
}

/** What a delete means to a store as it is at this place of the stream: a pure function of both. */
export type ResolveDelete = (statement: string, database: string, store: ShardStore) => readonly RowsDeletion[];

export interface RecorderOptions {
  readonly shard: number;
  readonly store: ShardStore;
  /** For messages of a broker elsewhere; our own log checks what it holds by itself. */
  readonly checksum: Checksum;
  readonly compression: Compression;
  readonly resolveDelete: ResolveDelete;
  /** Called once, for what the process cannot go on from. */
  readonly failed: (error: Error) => void;
}

/** What the recorder runs between. */
export interface RecorderEnds {
  readonly broker: Broker;
  /** The shard's own durable copy; null where the broker's publish is durable by itself. */
  readonly log: ShardLog | null;
  readonly observer: RecorderObserver;
}

type Waiter = { readonly sequence: number; readonly resolve: () => void };

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #waiters: Waiter[] = [];
  readonly #unacked: Delivery[] = [];
  /** In the own log, and still to be applied: behind `#applied`. No more than are unacknowledged. */
  #durable: Uint8Array[] = [];
  readonly #turns = new DeliveryTurns(() => this.#applyDurable());
  #isClosed = false;
  readonly #reading: BatchReading;
  #consumer: Consumer | null = null;
  #ends: RecorderEnds | null = null;
  #applied: number;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#reading = { compression: options.compression, scratch: new BatchScratch(), lists: new KeptLists() };
    this.#applied = options.store.sealed;
  }

  /** Sequence of the last message that the store holds. */
  get applied(): number {
    return this.#applied;
  }

  /** A message found in the log, in order; the payload may change when this returns. Throws StorageError `corrupt` at a gap. */
  recovered(sequence: number, payload: Uint8Array): void {
    if (sequence <= this.#applied) return;
    if (sequence > this.#applied + 1) {
      const { shard } = this.#options;
      const { manifestCut } = this.#options.store;
      const found = `buckets and log hold messages up to ${this.#applied}, then from ${sequence}${manifestCut}`;
      throw new StorageError('corrupt', `shard ${shard}: expected message ${this.#applied + 1}; ${found}`);
    }
    this.#apply(sequence, payload);
  }

  /** Follows the stream behind what is applied; resolves when its present end is applied. */
  async start(ends: RecorderEnds): Promise<void> {
    const { shard, failed } = this.#options;
    const { broker, log, observer } = ends;
    const last = await broker.last(shard);
    const kept = log?.last ?? last;
    if (kept < this.#applied) {
      const text = `the log ends at message ${kept}, but buckets hold messages up to ${this.#applied}`;
      throw new StorageError('corrupt', `shard ${shard}: ${text}`);
    }
    this.#ends = ends;
    observer.messageApplied(this.#applied);
    this.#consumer = await broker.consume({
      shard,
      from: this.#applied + 1,
      unackedMax: UNACKED_MAX,
      deliver: (delivery) => this.#deliver(delivery),
      failed: (error: BrokerError) => failed(error),
    });
    await this.reached(last);
  }

  /** Resolves when the message at `sequence` is applied (and durable). */
  reached(sequence: number): Promise<void> {
    if (sequence <= this.#applied) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { sequence, resolve };
      const at = this.#waiters.findLastIndex((w) => w.sequence <= sequence);
      this.#waiters.splice(at + 1, 0, waiter);
    });
  }

  /** A commit of the own log, from its `onCommit`: payloads from `first` on are durable. They are applied in turns. */
  committed(first: number, payloads: readonly Uint8Array[]): void {
    // the log has them, for the next start
    if (this.#isClosed) return;
    assert(first === this.#applied + this.#durable.length + 1, 'commits follow one another');
    for (const payload of payloads) this.#durable.push(payload);
    this.#turns.begin();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#durable = [];
    this.#turns.stop();
    await this.#consumer?.close();
  }

  // private functions

  /** False: nothing waits any more. */
  #applyDurable(): boolean {
    const payload = this.#durable.shift();
    if (payload === undefined) return false;
    this.#apply(this.#applied + 1, payload);
    this.#unacked.shift()?.ack();
    return this.#durable.length > 0;
  }

  #deliver(delivery: Delivery): void {
    const { failed } = this.#options;
    const { log } = this.#ends!;
    if (log === null) {
      this.#apply(delivery.sequence, delivery.payload);
      delivery.ack();
      return;
    }
    const expected = this.#applied + this.#unacked.length + 1;
    if (delivery.sequence !== expected) {
      failed(
        new Error(`stream and own log disagree: message ${delivery.sequence} came where ${expected} was expected`),
      );
      return;
    }
    if (!envelopeIntact(delivery.payload, this.#options.checksum)) {
      failed(new Error(`message ${delivery.sequence} of the stream does not match its checksum: it was not recorded`));
      return;
    }
    this.#unacked.push(delivery);
    log.append(delivery.payload).catch(failed);
  }

  #apply(sequence: number, payload: Uint8Array): void {
    const { store } = this.#options;
    const observer = this.#ends?.observer;
    if (readEnvelopeHeader(payload).kind === 'control') {
      const entry = readControl(payload);
      const deleted = obey(store, entry, this.#options.resolveDelete);
      observer?.controlApplied(entry, deleted);
    } else {
      for (const batch of readBatches(payload, this.#reading)) {
        const applied = store.apply(batch);
        observer?.batchApplied(batch, applied);
      }
    }
    this.#applied = sequence;
    store.applied(sequence);
    observer?.messageApplied(sequence);
    while (this.#waiters.length > 0 && this.#waiters[0].sequence <= sequence) this.#waiters.shift()!.resolve();
  }
}

// private functions

/** Gives what it deleted of measurements. */
function obey(store: ShardStore, entry: ControlEntry, resolve: ResolveDelete): readonly DeletedSpan[] {
  switch (entry.type) {
    case 'create database':
      store.createDatabase(entry.database);
      store.changeDocuments({ remove: [], put: entry.documents ?? [] });
      return [];
    case 'drop database':
      store.dropDatabase(entry.database);
      return [];
    case 'change documents':
      store.changeDocuments(entry);
      return [];
    case 'delete': {
      const found = resolve(entry.statement, entry.database, store);
      for (const rows of found) store.deleteRows(rows);
      return found.filter(({ series }) => series === null || series.includes(1));
    }
    case 'drop measurement': {
      const { database, measurement } = entry;
      const found = store.dropMeasurement(database, null, measurement);
      return found ? [{ measurement, minTime: TIME_MIN, maxTime: TIME_MAX }] : [];
    }
    case 'drop retention policy': {
      const { database, retentionPolicy: name } = entry;
      const measurements = store.describe(database, name, () => true);
      store.dropPolicy(database, name);
      store.changeDocuments({ remove: [{ kind: 'retention policy', database, name }], put: [] });
      return measurements.map((schema) => ({ measurement: schema.name, minTime: TIME_MIN, maxTime: TIME_MAX }));
    }
    case 'expire':
      return store.expire(entry.database, entry.retentionPolicy, BigInt(entry.before));
  }
}

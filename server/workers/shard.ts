/**
 * Shard: what one worker holds of one hash range of series — store, recorder, live operators — around its stream. The worker opens
 * it, opens the broker, which finds the messages of the log (`recovered`), and starts it; it closes it in reverse. The order inside
 * one turn is always: store applied, then live operators, so both stand at `applied`.
 */
import { join } from 'node:path';
import { deletedRows } from '../../query/index.ts';
import { type Files, type MoveOptions, ShardLog, ShardStore } from '../../storage/index.ts';
import { type Broker, BrokerError } from '../pubsub/index.ts';
import type { LiveShards } from '../queries/index.ts';
import { Recorder, type RecorderObserver } from '../recorder/index.ts';
import type { PublishCall } from './messages.ts';
import { IDLE_SLICE_MS, makePause } from './pause.ts';
import type { SharedDirectory } from './shard-directory.ts';

/** Logs leave by whole segments: a quarter of what is kept, within what a file should be. */
const SEGMENT_BYTES = { min: 1024 * 1024, max: 256 * 1024 * 1024 };

/** A message waits so long for memory before its writer is told to come again. */
const ROOM_MS_MAX = 5_000;

export function logSegmentBytes(logKeepBytes: number): number {
  return Math.min(SEGMENT_BYTES.max, Math.max(SEGMENT_BYTES.min, Math.floor(logKeepBytes / 4)));
}

export interface ShardOptions {
  readonly id: number;
  readonly files: Files;
  /** Of all shards. */
  readonly directory: string;
  readonly headBytes: number;
  readonly logKeepBytes: number;
  readonly segmentBytesMax: number;
  /** Where old buckets go; null = they stay. */
  readonly tier: MoveOptions | null;
  readonly live: LiveShards;
  /** Where other threads see what the shard has. */
  readonly known: SharedDirectory;
  readonly failed: (error: Error) => void;
  /** Something that can be tried again later did not work. */
  readonly warn: (text: string, error: Error) => void;
}

export class Shard {
  readonly id: number;
  readonly store: ShardStore;
  readonly recorder: Recorder;
  /** Messages that waited until a head was sealed. */
  waits = 0;
  readonly #options: ShardOptions;
  #broker: Broker | null = null;
  #ownLog: ShardLog | null = null;

  private constructor(options: ShardOptions, store: ShardStore) {
    this.id = options.id;
    this.store = store;
    this.recorder = new Recorder({
      shard: options.id,
      store,
      checksum: options.files.checksum,
      compression: options.files.compression,
      resolveDelete: (statement, database, store) => deletedRows(statement, database, store, true),
      failed: options.failed,
    });
    this.#options = options;
  }

  /** What is sealed can be read; what the log holds behind it comes with `recovered`. */
  static async open(options: ShardOptions): Promise<Shard> {
    let shard: Shard | null = null;
    const store = await ShardStore.open(options.files, join(options.directory, `shard-${options.id}`), {
      shard: options.id,
      headBytes: options.headBytes,
      pause: makePause(),
      cleanerPause: makePause(IDLE_SLICE_MS),
      tier: options.tier,
      tagListener: options.known.listener(options.id),
      sealed: (sequence) => {
        if (shard !== null) shard.#forget(sequence);
      },
      failed: options.failed,
      warn: options.warn,
    });
    shard = new Shard(options, store);
    return shard;
  }

  /** Resolves when all that the stream holds at present is applied. */
  async start(broker: Broker): Promise<void> {
    const { files, directory, live, segmentBytesMax } = this.#options;
    if (!broker.capabilities.durablePublish) {
      this.#ownLog = await ShardLog.open(files, join(directory, String(this.id)), {
        shard: this.id,
        segmentBytesMax,
        recovered: (sequence, payload) => this.recorder.recovered(sequence, payload),
        committed: (first, payloads) => this.recorder.committed(first, payloads),
      });
    }
    this.#broker = broker;
    const watching = live.observe(this.id, this.store, broker);
    const observer: RecorderObserver = {
      batchApplied: (name, applied) => watching.batchApplied(name, applied),
      controlApplied: (entry, deleted) => watching.controlApplied(entry, deleted),
      messageApplied: (sequence) => {
        this.#tellVersion();
        watching.messageApplied(sequence);
      },
    };
    this.#tellVersion();
    await this.recorder.start({ broker, log: this.#ownLog, observer });
    await this.store.joined();
    this.#forget(this.store.sealed);
  }

  async publish({ message, id, wait }: PublishCall): Promise<number> {
    if (this.store.overfull) await this.#room();
    const { sequence } = await this.#broker!.publish(this.id, message, id);
    if (wait) await this.recorder.reached(sequence);
    return sequence;
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.store.close();
    await this.#ownLog?.close();
  }

  /** Of logs on this machine's disk: the stream's, or our own of it. */
  get logBytes(): number {
    return this.#ownLog?.bytes ?? this.#broker?.bytes(this.id) ?? 0;
  }

  // private functions

  #tellVersion(): void {
    this.#options.known.setVersion(this.id, this.store.schemaVersion);
  }

  /** Where sealing does not keep up writers wait; not for ever, as on a full disk it does not end. */
  async #room(): Promise<void> {
    this.waits++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, ROOM_MS_MAX);
    });
    await Promise.race([this.store.seal(), late]);
    clearTimeout(timer);
    if (this.store.overfull)
      throw new BrokerError('full', `shard ${this.id}: memory is full, and sealing does not keep up`);
  }

  /** What is in buckets need not be in the logs, but for those who resume. */
  #forget(sequence: number): void {
    const { logKeepBytes, warn } = this.#options;
    const failed = (error: Error): void => warn('a log could not be trimmed', error);
    this.#broker?.forget(this.id, sequence).catch(failed);
    this.#ownLog?.trim(sequence, logKeepBytes).catch(failed);
  }
}

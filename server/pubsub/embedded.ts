/**
 * The embedded broker: the fsynced append log of a shard is its stream. Made by the thread that owns the shards; the reference for
 * every other adapter. A publish is an append, resolved after the fsync of its group; a message is delivered to live consumers
 * right after that fsync, from memory, in the turn in which the log commits.
 *
 * On disk, below the directory given: `shard-<n>/log/`, which the append log owns, and `shard-<n>/producers`. Messages must be
 * envelopes: from that file and their headers the table of producers is built anew at opening, so that duplicates are refused across
 * restarts, those of messages that the log no longer has among them.
 *
 * The log lets go only of what `forget` names, and of that keeps `logKeepBytes`. No thread of its own; it does not verify the checksum in
 * the envelope: the log has its own.
 */
import assert from 'node:assert/strict';
import { type MessageId, readEnvelopeHeader } from '../../model/index.ts';
import { type Files, LOG_KEEP_BYTES, ShardLog } from '../../storage/index.ts';
import {
  type Broker,
  type BrokerCapabilities,
  BrokerError,
  type ConsumeOptions,
  type Consumer,
  type Published,
} from './broker.ts';
import { aligned } from './deliver.ts';
import { EmbeddedConsumer } from './embedded-consumer.ts';
import { brokerErrorOf } from './embedded-errors.ts';
import { PRODUCERS_MAX, Producers } from './producers.ts';
import { loadProducers, saveProducers } from './producers-file.ts';

/** 32 MiB: more than the largest write body becomes for one shard. */
export const EMBEDDED_MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

export interface EmbeddedOptions {
  readonly files: Files;
  readonly directory: string;
  readonly shards: readonly number[];
  /** Producers remembered per shard. */
  readonly producersMax?: number;
  readonly messageBytesMax?: number;
  /** As LogOptions. */
  readonly segmentBytesMax?: number;
  readonly queueBytesMax?: number;
  /** What `forget` leaves of a shard's log, for those who resume. Default LOG_KEEP_BYTES. */
  readonly logKeepBytes?: number;
  /** Every message found at opening, in order per shard; the payload is valid only until it returns. Saves a second reading. */
  readonly recovered?: (shard: number, sequence: number, payload: Uint8Array) => void;
}

interface Shard {
  readonly directory: string;
  readonly log: ShardLog;
  readonly producers: Producers;
  /** Messages on their way into the log, by `producer:number`. */
  readonly running: Map<string, Promise<number>>;
  readonly consumers: Set<EmbeddedConsumer>;
}

/** Rejects with BrokerError: `corrupt` where a log is damaged before its end, `read only` where the disk refuses. */
export async function openEmbeddedBroker(options: EmbeddedOptions): Promise<Broker> {
  const shards = new Map<number, Shard>();
  try {
    for (const shard of options.shards) shards.set(shard, await openShard(shard, options));
  } catch (error) {
    for (const { log } of shards.values()) await log.close();
    throw brokerErrorOf(error);
  }
  return new EmbeddedBroker(shards, options);
}

class EmbeddedBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly #shards: ReadonlyMap<number, Shard>;
  readonly #files: Files;
  readonly #logKeepBytes: number;
  #forgetting: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(shards: ReadonlyMap<number, Shard>, options: EmbeddedOptions) {
    const messageBytesMax = options.messageBytesMax ?? EMBEDDED_MESSAGE_BYTES_MAX;
    this.#shards = shards;
    this.#files = options.files;
    this.#logKeepBytes = options.logKeepBytes ?? LOG_KEEP_BYTES;
    this.capabilities = { durablePublish: true, remote: false, messageBytesMax };
  }

  generation(shard: number): number {
    return this.#shard(shard).log.generation;
  }

  async publish(shard: number, message: Uint8Array<ArrayBuffer>, id: MessageId): Promise<Published> {
    const { log, producers, running } = this.#shard(shard);
    if (this.#closed !== null) throw closed();
    const { messageBytesMax } = this.capabilities;
    if (message.byteLength > messageBytesMax) {
      throw new BrokerError('too large', `message of ${message.byteLength} bytes, expected at most ${messageBytesMax}`);
    }
    assertAddress(message, shard, log.generation, id);
    const seen = producers.find(id);
    if (seen !== null) return { sequence: seen.sequence, duplicate: true };
    const key = `${id.producer}:${id.number}`;
    const first = running.get(key);
    const appended = first ?? log.append(aligned(message));
    if (first === undefined) running.set(key, appended);
    try {
      return { sequence: await appended, duplicate: first !== undefined };
    } catch (error) {
      throw brokerErrorOf(error);
    } finally {
      if (first === undefined) running.delete(key);
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const { log, consumers } = this.#shard(options.shard);
    if (this.#closed !== null) throw closed();
    const { from, unackedMax } = options;
    assert(unackedMax >= 1, 'unackedMax must be at least 1');
    if (from < log.first || from > log.last + 1) {
      const kept = `expected ${log.first} to ${log.last + 1}`;
      throw new BrokerError('position gone', `sequence ${from} is not in the log of shard ${options.shard}, ${kept}`);
    }
    const consumer = new EmbeddedConsumer(log, options, (ended) => consumers.delete(ended));
    consumers.add(consumer);
    return consumer;
  }

  async last(shard: number): Promise<number> {
    return this.#shard(shard).log.last;
  }

  bytes(shard: number): number {
    return this.#shard(shard).log.bytes;
  }

  forget(shard: number, upTo: number): Promise<void> {
    const work = this.#forgetting.then(() => this.#forget(this.#shard(shard), upTo));
    this.#forgetting = work.catch(() => {});
    return work;
  }

  close(): Promise<void> {
    this.#closed ??= this.#forgetting.then(() => closeShards([...this.#shards.values()]));
    return this.#closed;
  }

  // private functions

  async #forget({ log, directory, producers }: Shard, upTo: number): Promise<void> {
    if (this.#closed !== null || !log.trims(upTo, this.#logKeepBytes)) return;
    try {
      await saveProducers(this.#files, directory, producers, log.last);
      await log.trim(upTo, this.#logKeepBytes);
    } catch (error) {
      throw brokerErrorOf(error);
    }
  }

  #shard(shard: number): Shard {
    const found = this.#shards.get(shard);
    assert(found !== undefined, `shard ${shard} is not one of this broker's`);
    return found;
  }
}

// private functions

async function openShard(shard: number, options: EmbeddedOptions): Promise<Shard> {
  const { files, segmentBytesMax, queueBytesMax } = options;
  const directory = `${options.directory}/shard-${shard}`;
  const producers = new Producers(options.producersMax ?? PRODUCERS_MAX);
  const consumers = new Set<EmbeddedConsumer>();
  await files.makeDirectory(directory);
  const saved = await loadProducers(files, directory, producers);
  const log = await ShardLog.open(files, `${directory}/log`, {
    shard,
    ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
    ...(queueBytesMax === undefined ? {} : { queueBytesMax }),
    recordBytesMax: options.messageBytesMax ?? EMBEDDED_MESSAGE_BYTES_MAX,
    recovered(sequence, payload) {
      const id = idOf(shard, sequence, payload);
      if (sequence > saved) producers.add(id, sequence);
      options.recovered?.(shard, sequence, payload);
    },
    committed(first, payloads) {
      for (let i = 0; i < payloads.length; i++) producers.add(readEnvelopeHeader(payloads[i]), first + i);
      for (const consumer of consumers) consumer.committed(first, payloads);
    },
  });
  if (log.first > saved + 1) {
    await log.close();
    const what = `messages from ${saved + 1} to ${log.first - 1} are neither in the log nor in the table of producers`;
    throw new BrokerError('corrupt', `${directory}: ${what}`);
  }
  return { directory, log, producers, running: new Map(), consumers };
}

function idOf(shard: number, sequence: number, payload: Uint8Array): MessageId {
  try {
    return readEnvelopeHeader(payload);
  } catch (error) {
    throw new BrokerError('corrupt', `record ${sequence} of shard ${shard} is not an envelope`, error);
  }
}

function closed(): BrokerError {
  return new BrokerError('closed', 'the broker is closed');
}

/** The table of producers is rebuilt from what the envelopes say: they must say what the caller says. */
function assertAddress(message: Uint8Array, shard: number, generation: number, id: MessageId): void {
  const header = readEnvelopeHeader(message);
  assert(header.shard === shard, `envelope is for shard ${header.shard}, published to ${shard}`);
  assert(
    header.generation === generation,
    `envelope is of generation ${header.generation}, the stream of ${generation}`,
  );
  assert(header.producer === id.producer && header.number === id.number, 'envelope and message id must agree');
}

async function closeShards(shards: readonly Shard[]): Promise<void> {
  for (const { consumers } of shards) {
    for (const consumer of [...consumers]) await consumer.close();
  }
  for (const { log, running } of shards) {
    await Promise.allSettled(running.values());
    await log.close();
  }
}

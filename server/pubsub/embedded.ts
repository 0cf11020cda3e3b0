/**
 * The embedded broker: the fsynced append log of a shard is its stream. Made by the thread that owns the shards; the reference for
 * every other adapter. A publish is an append, resolved after the fsync of its group; a message is delivered to live consumers
 * right after that fsync, from memory, in the turn in which the log commits.
 *
 * On disk, below the directory given: `shard-<n>/log/`, which the append log owns. Messages must be envelopes: from their headers
 * the table of producers is built anew at opening, so that duplicates are refused across restarts.
 *
 * It has no retention and no thread of its own, and does not verify the checksum in the envelope: the log has its own.
 */
import assert from 'node:assert/strict';
import { type MessageId, readEnvelopeHeader } from '../../model/index.ts';
import { type Files, ShardLog } from '../../storage/index.ts';
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
  /** Every message found at opening, in order per shard; the payload is valid only until it returns. Saves a second reading. */
  readonly recovered?: (shard: number, sequence: number, payload: Uint8Array) => void;
}

interface Shard {
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
  return new EmbeddedBroker(shards, options.messageBytesMax ?? EMBEDDED_MESSAGE_BYTES_MAX);
}

class EmbeddedBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly #shards: ReadonlyMap<number, Shard>;
  #closed: Promise<void> | null = null;

  constructor(shards: ReadonlyMap<number, Shard>, messageBytesMax: number) {
    this.#shards = shards;
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

  close(): Promise<void> {
    this.#closed ??= closeShards([...this.#shards.values()]);
    return this.#closed;
  }

  // private functions

  #shard(shard: number): Shard {
    const found = this.#shards.get(shard);
    assert(found !== undefined, `shard ${shard} is not one of this broker's`);
    return found;
  }
}

// private functions

async function openShard(shard: number, options: EmbeddedOptions): Promise<Shard> {
  const { files, directory, segmentBytesMax, queueBytesMax } = options;
  const producers = new Producers(options.producersMax ?? PRODUCERS_MAX);
  const consumers = new Set<EmbeddedConsumer>();
  const log = await ShardLog.open(files, `${directory}/shard-${shard}/log`, {
    shard,
    ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
    ...(queueBytesMax === undefined ? {} : { queueBytesMax }),
    recordBytesMax: options.messageBytesMax ?? EMBEDDED_MESSAGE_BYTES_MAX,
    recovered(sequence, payload) {
      producers.add(idOf(shard, sequence, payload), sequence);
      options.recovered?.(shard, sequence, payload);
    },
    committed(first, payloads) {
      for (let i = 0; i < payloads.length; i++) producers.add(readEnvelopeHeader(payloads[i]), first + i);
      for (const consumer of consumers) consumer.committed(first, payloads);
    },
  });
  return { log, producers, running: new Map(), consumers };
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

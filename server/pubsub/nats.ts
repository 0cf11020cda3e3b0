/**
 * The NATS broker: one JetStream stream per shard is the shard's stream, and a short buffer only. An acknowledged publish is in the
 * page cache of the servers, not on their disks: what must be durable, the recorder writes into its own log.
 *
 * Made by the composition root where servers are configured. It makes missing streams: file storage, `limits` retention with
 * `discard: new`, so that a full stream refuses what comes and never forgets what is there. Purging is the controller's.
 *
 * While the servers are away publishes wait and are tried again with their id, which the stream refuses to take twice within its
 * window of two minutes; what this process has seen acknowledged it refuses itself, for longer. Two publishes made at the same time
 * may change places when they are tried again.
 */
import assert from 'node:assert/strict';
import { DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { MessageId } from '../../model/index.ts';
import {
  type Broker,
  type BrokerCapabilities,
  BrokerError,
  type ConsumeOptions,
  type Consumer,
  type Published,
} from './broker.ts';
import { NatsConsumer } from './nats-consumer.ts';
import { isStreamNameInUse } from './nats-errors.ts';
import { type LinkOptions, NatsLink } from './nats-link.ts';
import { type StreamName, streamName } from './nats-names.ts';
import { PRODUCERS_MAX, Producers } from './producers.ts';

/** Half of what a server takes by default, as larger messages are slower for everybody on the connection. */
const MESSAGE_BYTES_MAX = 512 * 1024;
/** Subject, headers and id beside the payload. */
const MESSAGE_OVERHEAD_BYTES = 1024;
/** Servers reserve it, so shards times this must fit on their disks. */
const STREAM_BYTES_MAX = 1024 * 1024 * 1024;
/** Elections take 4 to 9 seconds. */
const GONE_AFTER_MS = 15_000;
/** Longer than any of our retries; the servers hold the ids of this time in memory. */
const DUPLICATE_WINDOW_MS = 120_000;
/** Messages under way while the servers are away: beyond, publishes are refused at once. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

export interface NatsOptions {
  /** `host:port` or `nats://host:port`. */
  readonly servers: readonly string[];
  readonly shards: readonly number[];
  /** Generation of a shard's stream. Default 1. */
  readonly generation?: (shard: number) => number;
  /** Copies of each stream among the servers. Default 1. */
  readonly replicas?: number;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly messageBytesMax?: number;
  readonly streamBytesMax?: number;
  readonly queueBytesMax?: number;
  readonly goneAfterMs?: number;
  readonly producersMax?: number;
}

interface Shard extends StreamName {
  readonly generation: number;
  readonly producers: Producers;
}

/** Rejects with BrokerError: `gone` where no server answers in time, `full` where they have no room for the streams. */
export async function openNatsBroker(options: NatsOptions): Promise<Broker> {
  const linkOptions: LinkOptions = { ...options, goneAfterMs: options.goneAfterMs ?? GONE_AFTER_MS };
  const link = await NatsLink.open(linkOptions);
  try {
    const shards = new Map<number, Shard>();
    for (const shard of options.shards) {
      const generation = options.generation?.(shard) ?? 1;
      const producers = new Producers(options.producersMax ?? PRODUCERS_MAX);
      shards.set(shard, { ...streamName(shard, generation), generation, producers });
    }
    await Promise.all([...shards.values()].map((shard) => makeStream(link, shard, options)));
    const serverBytesMax = (link.connection.info?.max_payload ?? 1024 * 1024) - MESSAGE_OVERHEAD_BYTES;
    const messageBytesMax = Math.min(options.messageBytesMax ?? MESSAGE_BYTES_MAX, serverBytesMax);
    return new NatsBroker(link, shards, messageBytesMax, options.queueBytesMax ?? QUEUE_BYTES_MAX);
  } catch (error) {
    await link.close();
    throw error;
  }
}

class NatsBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly #link: NatsLink;
  readonly #shards: ReadonlyMap<number, Shard>;
  readonly #queueBytesMax: number;
  readonly #consumers = new Set<NatsConsumer>();
  readonly #running = new Set<Promise<unknown>>();
  #queueBytes = 0;
  #closed: Promise<void> | null = null;

  constructor(link: NatsLink, shards: ReadonlyMap<number, Shard>, messageBytesMax: number, queueBytesMax: number) {
    this.#link = link;
    this.#shards = shards;
    this.#queueBytesMax = queueBytesMax;
    this.capabilities = { durablePublish: false, remote: true, messageBytesMax };
    void link.connection.closed().then((error) => this.#connectionClosed(error));
  }

  generation(shard: number): number {
    return this.#shard(shard).generation;
  }

  async publish(shard: number, message: Uint8Array<ArrayBuffer>, id: MessageId): Promise<Published> {
    const { subject, producers } = this.#shard(shard);
    if (this.#closed !== null) throw closed();
    const { messageBytesMax } = this.capabilities;
    if (message.byteLength > messageBytesMax) {
      throw new BrokerError('too large', `message of ${message.byteLength} bytes, expected at most ${messageBytesMax}`);
    }
    const seen = producers.find(id);
    // one older than the window may be one that never arrived: the stream decides
    if (seen !== null && !seen.older) return { sequence: seen.sequence, duplicate: true };
    if (this.#queueBytes + message.byteLength > this.#queueBytesMax) {
      throw new BrokerError('full', `${this.#queueBytes} bytes are under way to the broker already`);
    }
    const msgID = `${id.producer}:${id.number}`;
    this.#queueBytes += message.byteLength;
    const publishing = this.#link.call('take the message', () =>
      this.#link.client.publish(subject, message, { msgID }),
    );
    this.#running.add(publishing);
    try {
      const { seq, duplicate } = await publishing;
      producers.add(id, seq);
      return { sequence: seq, duplicate };
    } finally {
      this.#queueBytes -= message.byteLength;
      this.#running.delete(publishing);
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const { stream } = this.#shard(options.shard);
    if (this.#closed !== null) throw closed();
    const { from, unackedMax } = options;
    assert(unackedMax >= 1, 'unackedMax must be at least 1');
    const { first, last } = await this.#bounds(stream);
    if (this.#closed !== null) throw closed();
    if (from < first || from > last + 1) {
      const kept = `expected ${first} to ${last + 1}`;
      throw new BrokerError('position gone', `sequence ${from} is not in stream ${stream}, ${kept}`);
    }
    const consumer = new NatsConsumer(this.#link, stream, options, (ended) => this.#consumers.delete(ended));
    this.#consumers.add(consumer);
    return consumer;
  }

  async last(shard: number): Promise<number> {
    const { stream } = this.#shard(shard);
    if (this.#closed !== null) throw closed();
    return (await this.#bounds(stream)).last;
  }

  /** The stream has limits of its own, and other readers than this process. */
  bytes(): number {
    return 0;
  }

  async forget(): Promise<void> {}

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  // private functions

  #shard(shard: number): Shard {
    const found = this.#shards.get(shard);
    assert(found !== undefined, `shard ${shard} is not one of this broker's`);
    return found;
  }

  async #bounds(stream: string): Promise<{ first: number; last: number }> {
    const { state } = await this.#link.call('tell the state of a stream', () =>
      this.#link.manager.streams.info(stream),
    );
    return { first: Math.max(1, state.first_seq), last: state.last_seq };
  }

  async #close(): Promise<void> {
    for (const consumer of [...this.#consumers]) await consumer.close();
    this.#link.refuse();
    await Promise.allSettled(this.#running);
    await this.#link.close();
  }

  /** The client has given up by itself: it never does while it can reconnect. */
  #connectionClosed(error: unknown): void {
    if (this.#closed !== null) return;
    for (const consumer of [...this.#consumers]) {
      consumer.fail(new BrokerError('gone', 'the connection to the broker was closed', error));
    }
  }
}

// private functions

async function makeStream(link: NatsLink, { stream, subject }: StreamName, options: NatsOptions): Promise<void> {
  await link.call(`make stream ${stream}`, async () => {
    try {
      await link.manager.streams.add({
        name: stream,
        subjects: [subject],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        storage: StorageType.File,
        max_bytes: options.streamBytesMax ?? STREAM_BYTES_MAX,
        num_replicas: options.replicas ?? 1,
        duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      });
    } catch (error) {
      // it is there with other limits: whoever set them had a reason
      if (!isStreamNameInUse(error)) throw error;
    }
  });
}

function closed(): BrokerError {
  return new BrokerError('closed', 'the broker is closed');
}
